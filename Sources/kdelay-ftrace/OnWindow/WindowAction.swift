internal import Glibc
internal import SystemCalls

/// Runs the operator's command with each window's report, in a thread of its own: one run at a time, each for a limited time.
///
/// Reports wait for a run that lasts, but not many: those beyond are left out, and counted, so that a command that is slower than
/// windows come holds up nothing and takes no memory.
///
/// What makes it `Sendable`: `state` is touched only under the mutex.
final class WindowAction: @unchecked Sendable {
  private struct State {
    var reports: [[UInt8]] = []
    /// Whether no report follows.
    var isClosed = false
    /// Whether runs are to end at once.
    var isStopped = false
    /// Whether no thread runs: not yet, or not any more.
    var hasEnded = true
    var leftOut = 0
    var failures = 0
  }

  /// The most reports that wait.
  static let limit = 16

  private let command: String
  /// How long one run may take, ns.
  private let timeLimit: UInt64
  private var state = State()
  private let monitor = Monitor()

  /// An action that has not begun. `seconds`: how long one run may take.
  init(_ command: String, seconds: Double) {
    self.command = command
    timeLimit = UInt64(seconds * 1e9)
  }

  /// Starts the thread.
  func start() {
    monitor.locked { state.hasEnded = false }
    startThread { self.run() }
  }

  /// Hands a report over, unless too many wait.
  func add(_ report: [UInt8]) {
    monitor.locked {
      if state.reports.count < Self.limit { state.reports.append(report) } else { state.leftOut += 1 }
      monitor.broadcast()
    }
  }

  /// Says that no report follows; those that wait are still handed to the command.
  func close() {
    monitor.locked {
      state.isClosed = true
      monitor.broadcast()
    }
  }

  /// Ends the run, and leaves the other reports out.
  func stop() {
    monitor.locked {
      (state.isClosed, state.isStopped) = (true, true)
      state.leftOut += state.reports.count
      state.reports.removeAll()
      monitor.broadcast()
    }
  }

  /// Whether no run is left.
  var hasEnded: Bool { monitor.locked { state.hasEnded } }

  /// What is to be said at the end; nil where all went well.
  var summary: String? {
    let (leftOut, failures) = monitor.locked { (state.leftOut, state.failures) }
    let parts = [
      leftOut > 0 ? "was not run for \(leftOut) \(leftOut == 1 ? "window" : "windows"), as it was still busy" : nil,
      failures > 1 ? "failed \(failures) times" : nil,
    ].compactMap { $0 }
    return parts.isEmpty ? nil : "warning: the command of --on-window \(parts.joined(separator: ", and "))"
  }

  private func run() {
    while let report = next() { run(with: report) }
    monitor.locked { state.hasEnded = true }
  }

  /// The next report; nil after the last.
  private func next() -> [UInt8]? {
    monitor.locked {
      while state.reports.isEmpty, !state.isClosed { monitor.wait() }
      return state.reports.isEmpty ? nil : state.reports.removeFirst()
    }
  }

  private func run(with report: [UInt8]) {
    do {
      let process = try ActionProcess(command, report: report)
      switch process.wait(atMost: timeLimit, isStopped: { monitor.locked { state.isStopped } }) {
      case .exited(0), .stopped: break
      case .exited(let status): noteFailure("exited with status \(status)")
      case .timedOut: noteFailure("was ended: it took longer than --on-window-timeout allows")
      }
    } catch { noteFailure("cannot be run: \(error)") }
  }

  /// Says what went wrong at the first time; how often it did comes at the end.
  private func noteFailure(_ what: String) {
    let isFirst = monitor.locked {
      state.failures += 1
      return state.failures == 1
    }
    if isFirst { Failure.say("warning: the command of --on-window \(what)") }
  }
}
