internal import Glibc
internal import Report
internal import Session
internal import SystemCalls

/// Renders and writes reports in a thread of its own: the stream is read on meanwhile, so that no window is missed because
/// of the one before, however slow the reader of the report is.
///
/// What makes it `Sendable`: `state` is touched only under the mutex, and `renderer` and `output` by the thread alone until it
/// has ended.
final class Reporter: @unchecked Sendable {
  private struct Job {
    var result: WindowResult
    /// The result's stacks, which have no names yet; nil where there are none.
    var stacks: PendingStacks?
  }

  private struct State {
    var header: ReportHeader?
    var jobs: [Job] = []
    /// Whether no job follows.
    var isClosed = false
    var failure: ToolError?
    /// Whether no thread runs: not yet, or not any more.
    var hasEnded = true
  }

  /// The most results that wait; whoever adds one more waits for room, so that memory stays bounded.
  private static let limit = 16384

  private var renderer: any Renderer
  private var output: ReportOutput
  /// What each report is handed to besides; nil where nothing is.
  private let action: WindowAction?
  private var state = State()
  private let monitor = Monitor()

  init(_ renderer: any Renderer, _ output: consuming ReportOutput, action: WindowAction? = nil) {
    self.renderer = renderer
    self.output = output
    self.action = action
  }

  /// Starts the thread; `header` is what is known before the first window. Does nothing where it runs already.
  func start(_ header: ReportHeader) {
    guard monitor.locked({ state.header == nil }) else { return }
    monitor.locked {
      state.header = header
      state.hasEnded = false
    }
    action?.start()
    startThread { self.run() }
  }

  /// Hands a window's result over. Throws what writing an earlier one failed with.
  func report(_ result: WindowResult, _ stacks: PendingStacks?) throws(ToolError) {
    let failure = monitor.locked {
      while state.jobs.count >= Self.limit, state.failure == nil { monitor.wait() }
      state.jobs.append(Job(result: result, stacks: stacks))
      monitor.broadcast()
      return state.failure
    }
    if let failure { throw failure }
  }

  /// Says that no result follows.
  func close() {
    monitor.locked {
      state.isClosed = true
      monitor.broadcast()
    }
  }

  /// Leaves what waits unwritten, and the report without its name.
  func abandon() {
    monitor.locked {
      state.isClosed = true
      state.jobs.removeAll()
      monitor.broadcast()
    }
    // It may be stuck in a write that nobody reads; then it ends with the process.
    action?.stop()
    for _ in 0..<200 where !hasEnded { usleep(500) }
    // A command that heeds no signal is insisted on.
    for _ in 0..<1000 where action?.hasEnded == false { usleep(500) }
    output.discard()
  }

  /// Whether all is written.
  var hasEnded: Bool { monitor.locked { state.hasEnded } }

  /// Gives the report its name, once all is written; throws what writing failed with.
  func finish() throws(ToolError) {
    if let failure = monitor.locked({ state.failure }) { throw failure }
    try output.finish()
  }

  /// Says that no result follows, and waits for the report to be written, whose reader may be slow. The second signal, counted
  /// from `interruptions` on, does not wait.
  func finish(_ signals: borrowing Signals, after interruptions: Int) throws(ToolError) {
    var interruptions = interruptions
    close()
    while interruptions < 2, !hasEnded || action?.hasEnded == false {
      usleep(500)
      interruptions += signals.take()
    }
    if interruptions >= 2 { abandon() } else { try finish() }
    if let summary = action?.summary { Failure.say(summary) }
  }

  private func run() {
    var namer = StackNamer()
    var bytes = ByteOutput { [self] piece in
      if !hasFailed { write(piece) }
    }
    if let header = monitor.locked({ state.header }) { renderer.begin(header, &bytes) }
    while let jobs = next() {
      for job in jobs {
        render(job, &namer, &bytes)
        if hasFailed { return }
      }
      // A reader sees each report as soon as it is there, and of many at once not each by itself.
      bytes.handOn()
      if hasFailed { return }
    }
    renderer.finish(&bytes)
    bytes.handOn()
    action?.close()
    if hasFailed { return }
    monitor.locked { state.hasEnded = true }
  }

  private func render(_ job: Job, _ namer: inout StackNamer, _ bytes: inout ByteOutput) {
    var result = job.result
    guard !result.isTooShort else { return renderer.skipped(result, &bytes) }
    if let stacks = job.stacks {
      let named = namer.name(stacks)
      result.stacks?.frames = named.frames
      result.stacks?.notes = named.notes
    }
    guard let action else { return renderer.window(result, &bytes) }
    let report = renderer.bytes(of: result)
    bytes.append(report)
    action.add(report)
  }

  private var hasFailed: Bool { monitor.locked { state.failure != nil } }

  /// What waits; nil after the last.
  private func next() -> [Job]? {
    monitor.locked {
      while state.jobs.isEmpty, !state.isClosed { monitor.wait() }
      defer { monitor.broadcast() }
      let jobs = state.jobs
      state.jobs = []
      return jobs.isEmpty ? nil : jobs
    }
  }

  private func write(_ bytes: [UInt8]) {
    do throws(ToolError) {
      try output.write(bytes)
    } catch {
      monitor.locked {
        state.failure = error
        state.hasEnded = true
        monitor.broadcast()
      }
    }
  }
}
