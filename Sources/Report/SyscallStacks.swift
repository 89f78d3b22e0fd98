package import TraceModel

/// The stacks of one slow syscall, as numbers among the window's stacks; -1 for none.
package struct EventStacks: Sendable, Equatable {
  package var user: Int32 = -1
  package var userEnd = UserStackEnd.notSampled
  /// Where the kernel held the syscall for most of its time.
  package var kernel: Int32 = -1
  /// Whether the syscall's instruction is `int $0x80`, in a 64-bit program: then its number is one of i386's. Nil where
  /// nothing tells.
  package var isCompat: Bool?

  package init(user: Int32 = -1, userEnd: UserStackEnd = .notSampled, kernel: Int32 = -1) {
    self.user = user
    self.userEnd = userEnd
    self.kernel = kernel
  }
}

/// The stacks of a window's slow syscalls.
package struct SyscallStacks: Sendable, Equatable {
  /// Each distinct stack, innermost frame first.
  package var stacks: [[StackFrame]] = []
  /// The stacks of each of the snapshot's slow syscalls; empty where stacks were not asked for.
  package var events: [EventStacks] = []
  /// The number of the kernel stack of each of the snapshot's waits, or -1; empty where stacks were not asked for.
  package var waits: [Int32] = []
  /// Names of the tasks that ended waits, as far as they are known.
  package var wakers: [Int32: String] = [:]
  /// Stack samples that the kernel did not deliver during the window.
  package var loss = StackSampleLoss()
  /// Stack samples that were given up for want of memory.
  package var dropped: UInt64 = 0
  /// Whether fewer stack samples are taken if fewer syscalls are slow.
  package var thresholdHelps = true
  /// What the reader must know to judge the stacks; a sentence each.
  package var notes: [String] = []

  package init() {}

  /// How many stacks the report owes for this reason.
  package func missing(_ end: UserStackEnd) -> Int { events.count { $0.userEnd == end } }

  func stacks(ofEvent index: Int) -> EventStacks { events.indices.contains(index) ? events[index] : EventStacks() }

  /// Whether the instruction has told which ABI's number a syscall has.
  func confirmsName(ofEvent index: Int) -> Bool { stacks(ofEvent: index).isCompat != nil }

  func kernelStack(ofWait index: Int) -> [StackFrame] { stack(waits.indices.contains(index) ? waits[index] : -1) }

  func stack(_ number: Int32) -> [StackFrame] { stacks.indices.contains(Int(number)) ? stacks[Int(number)] : [] }
}
