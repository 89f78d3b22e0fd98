package import TraceModel

/// What /proc says of a thread, for the time before its first event and for threads that never have one.
package struct ThreadObservation: Sendable, Equatable {
  package enum Mode: Sendable {
    case user
    case syscall
    case unknown
  }

  package var pid: Int32
  package var tid: Int32
  package var name: NameID
  package var state: ThreadFacts.State
  package var mode: Mode
  /// Whether the kernel made the thread for itself, as io_uring's workers: it never leaves the kernel.
  package var isWorker: Bool
  /// The number of the syscall that the thread is in; nil outside of one, and where nothing tells.
  package var syscall: Int32?
  /// The low half of that syscall's second argument; nil where nothing tells.
  package var syscallArgument: Int32?

  package init(
    pid: Int32, tid: Int32, name: NameID, state: ThreadFacts.State, mode: Mode, isWorker: Bool = false,
    syscall: Int32? = nil, syscallArgument: Int32? = nil
  ) {
    self.pid = pid
    self.tid = tid
    self.name = name
    self.state = state
    self.mode = mode
    self.isWorker = isWorker
    self.syscall = syscall
    self.syscallArgument = syscallArgument
  }
}

extension ThreadRecord {
  /// Takes over what /proc says of the thread at `time`, ns, unless events have told already.
  mutating func apply(_ seen: ThreadObservation, at time: UInt64) {
    // The flag of the event that told of its making can be a program's own (CLONE_UNTRACED of clone(2)).
    if isWorker != seen.isWorker { setWorker(seen.isWorker) }
    guard scheduling == .unknown, isDeducible else { return }
    switch seen.state {
    case .runnable, .unknown: return  // the next event tells, or `settle`
    case .interruptible: scheduling = .interruptible
    case .uninterruptible: scheduling = .uninterruptible
    case .stopped: scheduling = .stopped
    }
    guard !isWorker else { return }
    mode = Mode(seen.mode)
    guard mode == .syscall, let syscall = seen.syscall else { return }
    syscallNumber = syscall
    callArgument = seen.syscallArgument ?? -1
    (callStart, callBeganEarlier) = (max(time, 1), true)
  }

  /// Settles what no event has told: the thread has been running (or ready) in `mode` since it was last known.
  mutating func settle(running: Bool, mode seen: ThreadObservation.Mode) {
    if scheduling == .unknown, isDeducible { scheduling = running ? .running : .ready }
    guard mode == .unknown, seen != .unknown else { return }
    mode = Mode(seen)
    decideMode(was: mode)
  }
}

extension Mode {
  fileprivate init(_ seen: ThreadObservation.Mode) {
    switch seen {
    case .user: self = .user
    case .syscall: self = .syscall
    case .unknown: self = .unknown
    }
  }
}
