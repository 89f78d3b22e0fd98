package import Aggregator
package import TraceModel

/// The number of a distinct stack of a window.
package typealias StackNumber = Int

/// A syscall that took longer than asked for, with all that is known of it.
package struct SlowSyscall: Sendable, Equatable {
  /// One wait of the syscall: once that it gave up its CPU.
  package struct Wait: Sendable, Equatable {
    package var wait: SyscallWait
    /// The kernel stack where the syscall gave up its CPU; nil where no sample shows it.
    package var kernelStack: StackNumber?

    package init(_ wait: SyscallWait, kernelStack: StackNumber? = nil) {
      self.wait = wait
      self.kernelStack = kernelStack
    }
  }

  /// The syscall itself: what it was, when, and of which thread.
  package var call: SyscallEvent
  /// The syscall's waits, in order.
  package var waits: [Wait] = []
  /// The user stack that made the syscall; nil where there is none, for the reason of `userStackEnd`.
  package var userStack: StackNumber?
  /// Where the user stack stops, or why there is none.
  package var userStackEnd = UserStackEnd.notSampled
  /// The kernel stack where the syscall was for most of its time; nil where no sample shows it.
  package var kernelStack: StackNumber?
  /// Whether its instruction is `int $0x80` in a 64-bit program: then its number is one of i386's. Nil where nothing tells.
  package var isCompat: Bool?

  /// A slow syscall whose stacks nobody has looked for.
  package init(_ ended: EndedSyscall) {
    call = ended.call
    waits = ended.waits.map { Wait($0) }
  }
}
