internal import Aggregator
internal import Session
internal import TraceModel

/// One thread of the window as the verdict sees it.
struct VerdictThread {
  var task: Cause.Task
  /// The name of the thread's process, where the target has several; else empty.
  var process: String
  var accounting: Accounting
  /// The thread's causes: those of each state but user and unknown add up to it, as what is left is there as unknown.
  var causes: [Cause]
  var inProgress: InProgress?
  var division: TimeDivision
  /// What recording cost the thread, ns; a part of its user time.
  var recording: UInt64
  /// The longest time that the thread was ready without a CPU, ns.
  var longestReady: UInt64

  /// All threads of the window, in the order of the report.
  static func all(_ result: WindowResult) -> [VerdictThread] {
    let processes = result.severalProcesses
    return result.threadOrder.map { place in
      let thread = result.snapshot.threads[place]
      let known = result.causes(at: place)
      return VerdictThread(
        task: Cause.Task(
          pid: result.pid(of: thread), tid: thread.tid, name: result.names[thread.name]),
        process: processes.indices.contains(thread.process) ? processes[thread.process].name : "",
        accounting: thread.accounting, causes: complete(known.causes, thread.accounting),
        inProgress: known.inProgress, division: TimeDivision(thread.accounting, known.causes),
        recording: thread.recordingTime(result.recordingCost) ?? 0, longestReady: thread.ready.max)
    }
  }

  /// The causes, and an unknown one for what they leave of a state. Where they leave nothing the array is not copied: there can be
  /// ten thousand threads.
  private static func complete(_ causes: [Cause], _ accounting: Accounting) -> [Cause] {
    var left = accounting
    for cause in causes { left[cause.state] -= min(cause.total, left[cause.state]) }
    var complete = causes
    for state in AccountingState.allCases where left[state] > 0 && state != .user && state != .unknown {
      complete.append(Cause(state, .unknown, count: 0, total: left[state], longest: 0))
    }
    return complete
  }

  /// The causes that somebody or something is to blame for.
  var blamed: [Cause] { causes.filter { isBlamed($0) } }

  /// The time in which the thread was kept from its work, ns.
  var lost: UInt64 { causes.reduce(0) { isBlamed($1) ? $0 + $1.total : $0 } }

  /// Whether the thread loses time by a cause.
  ///
  /// Some waits are what a thread is there for: for its child's end, and at a pipe or a socket for a thread of its own process, which
  /// has a sentence of its own where it is held up. In a `vfork` (D) a thread is held up. One that sleeps for a reason that no event
  /// tells may do what it is meant to do.
  func isBlamed(_ cause: Cause) -> Bool {
    switch TimeDivision.part(cause.state, cause.kind) {
    case .kernel, .stopped: true
    case .waiting:
      switch cause.kind {
      case .child: cause.state == .blockedUninterruptible
      case .pipe, .socket: cause.by.map { $0.pid == 0 || $0.pid != task.pid } ?? true
      default: true
      }
    case .unknown: cause.state == .blockedUninterruptible
    case .idle, .user: false
    }
  }
}
