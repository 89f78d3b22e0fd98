internal import Aggregator
internal import Report
internal import Session
internal import TraceFormat
internal import TraceModel
internal import TraceSource

extension LiveSession {
  /// Finds or starts the target and sets the capture up. What fails leaves nothing behind.
  static func prepare(
    _ options: LiveCommand, _ signals: consuming Signals, _ reporter: Reporter
  ) throws -> LiveSession {
    var log: (@Sendable (String) -> Void)?
    if options.debug { log = { message in Failure.say("debug: \(message)") } }
    let (tracefs, message) = try MountedTracefs.find(log: log)
    if let message { Failure.say(message) }
    try PIDNamespace.requireInitial()
    for name in try Leftovers.remove(tracefs) { Failure.say("removed \(name) that a killed kdelay-ftrace left behind") }
    var command: CommandProcess?
    let targets: [TargetProcess]
    if options.command.isEmpty {
      targets = try options.targets.selection.find()
    } else {
      let started = try CommandProcess(starting: options.command)
      try CommandInterpreter.require(for: started.path)
      targets = [try TargetProcess.find(pid: started.pid)]
      command = consume started
    }
    let ends = try TargetEnds(targets)
    let bufferKiB = options.bufferPageCount.map(BufferSize.kibibytes) ?? BufferSize.defaultKiB
    options.warnOfIdleOptions()
    var resolver = TriggerUnion.of(targets, command: command?.path, isForced: options.force)
    let triggers = try TriggerPair.resolve(start: options.startTrigger, stop: options.stopTrigger, &resolver)
    for warning in resolver.warnings { Failure.say("warning: \(warning)") }
    let countsUpcalls = !options.skipUpcallStats && Upcalls.canBeCounted(tracefs)
    let recordingCost = RecordingCost.measure(tracefs)
    log?(
      recordingCost.map { "recording adds \($0.perSyscall) ns to a syscall" }
        ?? "what recording costs could not be measured")
    var captureSettings = CaptureSettings(
      bufferKiB: bufferKiB, triggers: triggers.probes, countsUpcalls: countsUpcalls,
      recordsWakers: options.syscallEvents != nil, recordsReturnAddresses: options.stackOptions?.user == .dwarf,
      recordsCauses: options.blame)
    captureSettings.looksBack = options.looksBack
    let capture = try Capture(tracefs, settings: captureSettings)
    for event in capture.setup.missingEvents {
      Failure.say("warning: this kernel has no event \(event.name), which tells of \(event.purpose)")
    }
    var stacks: LiveStacks?
    if let stackOptions = options.stackOptions, let filter = options.syscallEventFilter {
      let new = try LiveStacks(
        tracefs, threshold: filter.threshold, stackOptions, followsChildren: options.targets.selection.followsChildren)
      stacks = consume new
    }
    _ = consume resolver  // its files had to stay open until the kernel had its probes
    log?("sub-buffers of \(capture.setup.pageSize) bytes, \(capture.setup.bufferBytes) bytes per CPU")
    var settings = try options.settings(targets, triggers, countsUpcalls: countsUpcalls)
    settings.recordingCost = recordingCost?.perSyscall
    settings.recordsCauses = options.blame
    settings.missingCauses = capture.setup.missingCauses
    let facts = LiveFacts(namesKernel: options.blame)
    let session = Session(settings, facts: facts, stacks: stacks?.finder(settings, facts))
    return LiveSession(
      session, targets, options.targets.selection, log: log, signals: signals, ends: ends,
      reporter: reporter, command: command, stacks: stacks, capture: capture)
  }
}

extension LiveCommand {
  /// What the session is asked for.
  fileprivate func settings(
    _ processes: [TargetProcess], _ triggers: TriggerPair, countsUpcalls: Bool
  ) throws -> SessionSettings {
    let length = sampleTime ?? (command.isEmpty || startTrigger != nil ? 0.5 : nil)
    var settings = SessionSettings(targets: processes.map(\.named))
    settings.followsChildren = targets.selection.followsChildren
    settings.isCommand = !command.isEmpty
    settings.startTrigger = triggers.startText
    settings.stopTrigger = triggers.stopText
    settings.length = stopTrigger == nil ? length.map { UInt64($0 * 1e9) } : nil
    settings.pause = UInt64(sampleInterval * 1e9)
    settings.count = sampleCount
    settings.shortest = triggerDelta ?? 0
    settings.slowSyscalls = syscallEventFilter
    settings.stacks = stackOptions
    settings.countsUpcalls = countsUpcalls
    try conditions.apply(to: &settings)
    settings.lookBack = windows.lookBack.map { UInt64($0 * 1e9) }
    return settings
  }

  /// Whether windows are made of what has happened already.
  fileprivate var looksBack: Bool { !conditions.when.isEmpty || windows.lookBack != nil }

  /// Says which options do nothing.
  fileprivate func warnOfIdleOptions() {
    if startTrigger != nil, stopTrigger != nil, sampleTime != nil, !looksBack {
      Failure.say("warning: --sample-time has no effect: the stop trigger ends each window")
    }
    for warning in report.warnings(syscalls) { Failure.say("warning: \(warning)") }
    if looksBack { return warnOfIdleWindowOptions() }
    if triggerDelta != nil, stopTrigger == nil {
      Failure.say("warning: --trigger-delta has no effect: no stop trigger ends a window")
    }
  }

  /// Windows of what has happened have the length of that.
  private func warnOfIdleWindowOptions() {
    let why = "windows are made of what has happened"
    if sampleTime != nil { Failure.say("warning: --sample-time has no effect: \(why)") }
    if sampleInterval > 0 { Failure.say("warning: --sample-interval has no effect: \(why)") }
    if triggerDelta != nil {
      Failure.say("warning: --trigger-delta has no effect: \(why); a condition 'window>TIME' asks for a length")
    }
  }
}
