internal import Report
internal import Session
internal import TraceFile
internal import TraceModel
internal import TraceSource

// Recordings of this tool.
extension ReportCommand {
  /// Hands the recording's windows to the reporter; returns how many signals have come meanwhile.
  func report(
    _ capture: consuming JournaledCapture, _ signals: borrowing Signals, _ reporter: Reporter
  ) throws -> Int {
    let options = try CaptureOptions(
      recorded: capture.start.arguments, windows: windows, conditions: conditions, syscalls: syscalls, isWhole: whole)
    let beginning = capture.nextPhase()
    let settings = try settings(options, capture.start, beginning)
    let kernel = KernelCode(recorded: capture.kallsyms)
    let facts = JournaledFacts(names: capture.taskNames, tool: capture.start.tool) { kernel.function(returningTo: $0) }
    if let beginning { facts.enter(beginning) }
    reporter.start(ReportHeader(targets: settings.targets, clock: facts.clock))
    var stacks: RecordedStacks?
    if settings.stacks != nil, let samples = try capture.samples() {
      stacks = RecordedStacks(samples, kallsyms: capture.kallsyms)
    }
    var session = JournaledSession(capture, settings, facts, stacks) { target.takes($0) }
    var interruptions = 0
    try session.run(from: beginning) { () -> Bool in
      interruptions += signals.take()
      return interruptions > 0
    } report: { result, stacks throws(ToolError) in
      try reporter.report(result, stacks)
    }
    session.sayWhatWasMissed(isCommand: settings.isCommand)
    return interruptions
  }

  /// What the session is asked for, as the one that was live was.
  private func settings(
    _ options: CaptureOptions, _ start: JournalStart, _ beginning: JournalPhase?
  ) throws -> SessionSettings {
    func text(_ trigger: JournalStart.Trigger?, _ isAsked: Bool) -> SessionSettings.TriggerText? {
      isAsked ? trigger.map { SessionSettings.TriggerText(text: $0.text, isUserSpace: $0.isUserSpace) } : nil
    }
    let triggers = TriggerTexts(
      start: text(start.startTrigger, options.startTrigger != nil),
      stop: text(start.stopTrigger, options.stopTrigger != nil))
    // Those that came while the recording began are told of when it has.
    let later = beginning?.newcomers ?? []
    let chosen = try target.chosen(of: start.targets + later).filter { !later.contains($0) }
    var settings = try options.settings(
      chosen.isEmpty ? start.targets : chosen, triggers, countsUpcalls: start.countsUpcalls)
    if whole { settings.length = nil }
    if target.children { settings.followsChildren = true }
    settings.recordingCost = start.recordingCost
    settings.recordsCauses = options.blame
    settings.missingCauses = start.missingCauses
    if let abi = start.abi { settings.abi = abi }
    return settings
  }
}
