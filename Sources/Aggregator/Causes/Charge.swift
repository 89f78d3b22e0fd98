package import TraceModel

/// Time that a thread spent in one state for one reason, as far as events tell it. The charges of a state add up to the state's
/// time in the thread's accounting.
package struct Charge: Sendable, Equatable, BitwiseCopyable {
  /// What the events showed of the reason.
  package enum Reason: UInt8, Sendable, BitwiseCopyable {
    /// Nothing tells.
    case unknown
    /// Ready: `tid` had the CPU.
    case task
    /// Ready: the CPU was idle.
    case idleCPU
    /// Ready: interrupts had the CPU. Hard and soft interrupts: `number` and `name` say which.
    case interrupt
    /// Blocked: the wait ended by `tid`, or by an interrupt (`tid` is 0 then), or has not ended (`isOpen`).
    case wait
    /// On a CPU in a syscall.
    case syscall
    /// On a CPU in a syscall, or blocked in it: in the kernel activity `number` (a `KernelActivity`).
    case activity
    /// Stopped by a signal.
    case signal
    /// Stopped by a tracer.
    case tracer
  }

  /// Where the thread was.
  package enum Side: UInt8, Sendable, BitwiseCopyable {
    /// In a syscall; `syscall` is its number.
    case syscall
    /// In a page fault in its own code.
    case pageFault
    /// In its own code.
    case user
    case unknown
  }

  package var state: AccountingState
  package var reason: Reason
  package var side: Side
  /// The number of the syscall; -1 outside of syscalls.
  package var syscall: Int32 = -1
  /// What a futex call was asked for, without flags (FUTEX_WAIT is 0); -1 for others.
  package var futexOperation: Int32 = -1
  /// The number of the kernel stack with which the thread gave up its CPU; -1 where none was recorded.
  package var stack: Int32 = -1
  /// Who had the CPU, or who ended the wait; 0 where that was no task, or nothing tells.
  package var tid: Int32 = 0
  /// Whether the wait had not ended at the window's end, or where its end was lost.
  package var isOpen = false
  /// Whether an interrupt ended the wait.
  package var isEndedByInterrupt = false
  /// The task on whose doing most of the wait depended: `tid` itself, or one that it waited for; 0 where nothing tells.
  package var pathTID: Int32 = 0
  package var pathDoing = PathPiece.Doing.unknown
  /// Whether that task was blocked so that a signal could have ended it, as those are that wait for work or for a timer.
  package var pathIsInterruptible = false
  /// How many tasks the path from the waker on has: 1 where it is `tid` alone; 0 where nothing tells.
  package var pathLength: UInt8 = 0
  /// The number of an interrupt, a vector, or a kernel activity.
  package var number: Int32 = 0
  /// The name of a hard interrupt's handler.
  package var name: NameID = 0
  /// How many bytes of addresses page faults have one charge for.
  package static let addressSpan: UInt64 = 2 << 20
  /// The address of a page fault, rounded down to a multiple of `addressSpan`.
  package var address: UInt64 = 0
  package var durations = IntervalStatistic()

  package init(_ state: AccountingState, _ reason: Reason, side: Side = .unknown) {
    self.state = state
    self.reason = reason
    self.side = side
  }
}

extension Charge {
  /// Whether it is for a wait for a futex that another task holds, as far as the operation tells (include/uapi/linux/futex.h):
  /// FUTEX_WAIT, FUTEX_LOCK_PI, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2.
  package var isForLock: Bool {
    futexOperation == 0 || futexOperation == 6 || futexOperation == 11 || futexOperation == 13
  }
}

/// A syscall or a page fault of a thread that has not ended when the window closes.
package struct OpenCall: Sendable, Equatable {
  /// Whether it is a page fault, of which `number` is -1.
  package var isPageFault = false
  package var number: Int32
  package var abi: SyscallABI
  /// When it began, ns: where no event told, the earliest time at which the thread is known to have been in it.
  package var entry: UInt64
  /// Whether it began before `entry`.
  package var beganEarlier = false
  /// What the thread was doing when the window closed.
  package var state: AccountingState

  package init(number: Int32, abi: SyscallABI, entry: UInt64, state: AccountingState) {
    self.number = number
    self.abi = abi
    self.entry = entry
    self.state = state
  }
}
