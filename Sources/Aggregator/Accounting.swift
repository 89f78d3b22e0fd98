/// Where a nanosecond of a thread's life can go. Exactly one applies at any time.
package enum AccountingState: Int, Sendable, BitwiseCopyable, CaseIterable {
  /// The thread is on a CPU outside syscalls and interrupts.
  case user
  /// The thread is on a CPU inside a syscall; the interrupts that landed there are not part of it.
  case syscall
  /// The thread's CPU is in a hard interrupt's handler, also one inside a soft interrupt.
  case hardIRQ
  case softIRQ
  /// The thread is runnable without a CPU.
  case ready
  case blockedInterruptible
  case blockedUninterruptible
  /// The thread is stopped by a signal or by a tracer.
  case stopped
  /// No event tells what the thread does: before the first one, after a loss.
  case unknown
}

/// A thread's life inside a window, ns per state; the sum of all states is the lifetime.
package struct Accounting: Sendable, Equatable, BitwiseCopyable {
  private var spent = InlineArray<9, UInt64>(repeating: 0)

  package init() {}

  package subscript(state: AccountingState) -> UInt64 {
    @inline(__always) get { spent[state.rawValue] }
    @inline(__always) set { spent[state.rawValue] = newValue }
  }

  /// Sum of all states, ns.
  package var lifetime: UInt64 {
    AccountingState.allCases.reduce(0) { $0 + self[$1] }
  }

  package static func == (left: Accounting, right: Accounting) -> Bool {
    AccountingState.allCases.allSatisfy { left[$0] == right[$0] }
  }

  package static func + (left: Accounting, right: Accounting) -> Accounting {
    var sum = left
    for state in AccountingState.allCases { sum[state] += right[state] }
    return sum
  }
}
