internal import ArgumentParser
internal import Report
internal import Session
internal import TraceFile
internal import TraceFormat
internal import TraceModel

// Recordings of other tools: nothing tells what a session would have been told besides their events.
extension ReportCommand {
  /// Hands the recording's windows to the reporter; returns how many signals have come meanwhile.
  func reportForeign(_ signals: borrowing Signals, _ reporter: Reporter) throws -> Int {
    try requireNoTriggers()
    let capture = try RecordedCapture.open(input, instance: target.instance)
    if case .cut(let place) = capture.end { Failure.say("warning: the recording was cut \(place)") }
    let tasks = try capture.tasks()
    let facts = try target.facts(tasks, begin: capture.begin)
    var settings = try settings(facts, capture.abi)
    settings.notRecorded = capture.lacks(tasks) + target.lacks(tasks)
    settings.followsChildren = target.children || target.isAll && capture.isOfOtherTool
    reporter.start(
      ReportHeader(
        targets: settings.targets, clock: facts.clock))
    var stacks: RecordedStacks?
    if settings.stacks != nil, let samples = try capture.samples() {
      stacks = RecordedStacks(samples, kallsyms: capture.kallsyms)
    }
    var session = RecordedSession(capture, settings, facts, stacks)
    var interruptions = 0
    try session.run { () -> Bool in
      interruptions += signals.take()
      return interruptions > 0
    } report: { result, stacks throws(ToolError) in
      try reporter.report(result, stacks)
    }
    return interruptions
  }

  private func requireNoTriggers() throws {
    let conditions = try conditions.conditions()
    if windows.startTrigger != nil || windows.stopTrigger != nil || conditions.contains(where: { $0.kind == .window }) {
      throw ValidationError("triggers are only in recordings that kdelay-ftrace has made")
    }
    if self.conditions.after > 0, conditions.isEmpty {
      throw ValidationError("--after needs something to come after: add --when CONDITION")
    }
  }

  /// One window of the process that was recorded, or as many as are asked for.
  private func settings(_ facts: RecordedFacts, _ abi: SyscallABI?) throws -> SessionSettings {
    var settings = SessionSettings(targets: facts.processes)
    settings.slowSyscalls = syscalls.filter
    settings.stacks = syscalls.stacks
    if let abi { settings.abi = abi }
    settings.length = windows.sampleTime.map { UInt64($0 * 1e9) }
    settings.pause = UInt64((windows.sampleInterval ?? 0) * 1e9)
    try conditions.apply(to: &settings)
    settings.count = windows.sampleCount ?? (settings.looksBack ? .max : 1)
    if whole {
      settings.length = nil
      settings.count = 1
    }
    return settings
  }
}
