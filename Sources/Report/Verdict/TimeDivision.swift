package import Aggregator
package import Session

/// Where lifetime went, ns, in the parts that a reader asks for first. The parts add up to the lifetime.
package struct TimeDivision: Sendable, Equatable {
  /// A part of a lifetime.
  package enum Part: Int, Sendable, CaseIterable {
    /// The kernel computed, or kept the thread: syscalls, interrupts, no CPU, a disk, memory, the kernel's locks.
    case kernel
    /// The thread waited for another task: for its lock, its data, its end.
    case waiting
    /// A signal or a tracer had stopped the thread.
    case stopped
    /// The thread had nothing to do, or waited for a timer that it had set itself.
    case idle
    /// The thread ran its own code.
    case user
    /// No event tells.
    case unknown
  }

  private var spent = InlineArray<6, UInt64>(repeating: 0)

  package init() {}

  /// The division of one thread's life. What the causes leave of a blocked state is unknown.
  package init(_ accounting: Accounting, _ causes: [Cause]) {
    for state in AccountingState.allCases {
      var left = accounting[state]
      if state.isBlocked {
        for cause in causes where cause.state == state {
          let time = min(cause.total, left)
          self[Self.part(state, cause.kind)] += time
          left -= time
        }
      }
      self[Self.part(state, .unknown)] += left
    }
  }

  package private(set) subscript(part: Part) -> UInt64 {
    get { spent[part.rawValue] }
    set { spent[part.rawValue] = newValue }
  }

  /// The sum of all parts, ns.
  package var lifetime: UInt64 { Part.allCases.reduce(0) { $0 + self[$1] } }

  package static func + (left: TimeDivision, right: TimeDivision) -> TimeDivision {
    var sum = left
    for part in Part.allCases { sum[part] += right[part] }
    return sum
  }

  package static func == (left: TimeDivision, right: TimeDivision) -> Bool {
    Part.allCases.allSatisfy { left[$0] == right[$0] }
  }

  /// The part to which time in a state for some reason belongs.
  static func part(_ state: AccountingState, _ kind: Cause.Kind) -> Part {
    switch state {
    case .user: .user
    case .syscall, .hardIRQ, .softIRQ, .ready: .kernel
    case .stopped: .stopped
    case .unknown: .unknown
    case .blockedInterruptible, .blockedUninterruptible:
      switch kind {
      case .idle, .timer: .idle
      case .futex, .pipe, .socket, .fileLock, .child: .waiting
      case .unknown: .unknown
      default: .kernel
      }
    }
  }
}

extension AccountingState {
  var isBlocked: Bool { self == .blockedInterruptible || self == .blockedUninterruptible }

  /// The state as the JSON report names it.
  var word: String {
    switch self {
    case .user: "user"
    case .syscall: "syscall"
    case .hardIRQ: "hard_irq"
    case .softIRQ: "soft_irq"
    case .ready: "ready"
    case .blockedInterruptible: "blocked_interruptible"
    case .blockedUninterruptible: "blocked_uninterruptible"
    case .stopped: "stopped"
    case .unknown: "unknown"
    }
  }

  /// The state as the text report's columns name it.
  var title: String {
    switch self {
    case .user: "USER"
    case .syscall: "SYSCALL"
    case .hardIRQ: "HARDIRQ"
    case .softIRQ: "SOFTIRQ"
    case .ready: "READY"
    case .blockedInterruptible: "SLEEP(S)"
    case .blockedUninterruptible: "BLOCK(D)"
    case .stopped: "STOPPED"
    case .unknown: "UNKNOWN"
    }
  }
}
