internal import Glibc

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
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  /// An action that has not begun. `seconds`: how long one run may take.
  init(_ command: String, seconds: Double) {
    self.command = command
    timeLimit = UInt64(seconds * 1e9)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// Starts the thread.
  func start() {
    locked { state.hasEnded = false }
    var thread = pthread_t()
    let action = Unmanaged.passRetained(self)
    pthread_create(
      &thread, nil,
      { action in
        guard let action else { return nil }
        Unmanaged<WindowAction>.fromOpaque(action).takeRetainedValue().run()
        return nil
      }, action.toOpaque())
    pthread_detach(thread)
  }

  /// Hands a report over, unless too many wait.
  func add(_ report: [UInt8]) {
    locked {
      if state.reports.count < Self.limit { state.reports.append(report) } else { state.leftOut += 1 }
      _ = pthread_cond_broadcast(changed)
    }
  }

  /// Says that no report follows; those that wait are still handed to the command.
  func close() {
    locked {
      state.isClosed = true
      _ = pthread_cond_broadcast(changed)
    }
  }

  /// Ends the run, and leaves the other reports out.
  func stop() {
    locked {
      (state.isClosed, state.isStopped) = (true, true)
      state.leftOut += state.reports.count
      state.reports.removeAll()
      _ = pthread_cond_broadcast(changed)
    }
  }

  /// Whether no run is left.
  var hasEnded: Bool { locked { state.hasEnded } }

  /// What is to be said at the end; nil where all went well.
  var summary: String? {
    let (leftOut, failures) = locked { (state.leftOut, state.failures) }
    let parts = [
      leftOut > 0 ? "was not run for \(leftOut) \(leftOut == 1 ? "window" : "windows"), as it was still busy" : nil,
      failures > 1 ? "failed \(failures) times" : nil,
    ].compactMap { $0 }
    return parts.isEmpty ? nil : "warning: the command of --on-window \(parts.joined(separator: ", and "))"
  }

  /// Runs `body` under the mutex; see `Reporter.locked`.
  private func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  private func run() {
    while let report = next() { run(with: report) }
    locked { state.hasEnded = true }
  }

  /// The next report; nil after the last.
  private func next() -> [UInt8]? {
    locked {
      while state.reports.isEmpty, !state.isClosed { pthread_cond_wait(changed, mutex) }
      return state.reports.isEmpty ? nil : state.reports.removeFirst()
    }
  }

  private func run(with report: [UInt8]) {
    do {
      let process = try ActionProcess(command, report: report)
      switch process.wait(atMost: timeLimit, isStopped: { locked { state.isStopped } }) {
      case .exited(0), .stopped: break
      case .exited(let status): noteFailure("exited with status \(status)")
      case .timedOut: noteFailure("was ended: it took longer than --on-window-timeout allows")
      }
    } catch { noteFailure("cannot be run: \(error)") }
  }

  /// Says what went wrong at the first time; how often it did comes at the end.
  private func noteFailure(_ what: String) {
    let isFirst = locked {
      state.failures += 1
      return state.failures == 1
    }
    if isFirst { Failure.say("warning: the command of --on-window \(what)") }
  }
}
