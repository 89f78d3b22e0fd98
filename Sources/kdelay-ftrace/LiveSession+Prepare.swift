internal import Aggregator
internal import Report
internal import Session
internal import TraceFile
internal import TraceFormat
internal import TraceModel
internal import TraceSource

extension LiveSession {
  /// Finds or starts the target and sets the capture up. What fails leaves nothing behind.
  static func prepare(
    _ options: CaptureOptions, _ signals: consuming Signals, _ reporter: Reporter?, recording: RecordingRequest? = nil
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
    var capture = try Capture(tracefs, settings: captureSettings)
    for event in capture.setup.missingEvents {
      Failure.say("warning: this kernel has no event \(event.name), which tells of \(event.purpose)")
    }
    var stacks: LiveStacks?
    if let stackOptions = options.stackOptions, let filter = options.syscallEventFilter {
      let new = try LiveStacks(
        tracefs, threshold: filter.threshold, stackOptions, followsChildren: options.targets.selection.followsChildren,
        isRecorded: recording != nil)
      stacks = consume new
    }
    _ = consume resolver  // its files had to stay open until the kernel had its probes
    log?("sub-buffers of \(capture.setup.pageSize) bytes, \(capture.setup.bufferBytes) bytes per CPU")
    var settings = try options.settings(targets.map(\.named), triggers.texts, countsUpcalls: countsUpcalls)
    settings.recordingCost = recordingCost?.perSyscall
    settings.recordsCauses = options.blame
    settings.missingCauses = capture.setup.missingCauses
    var facts: any TargetFacts = LiveFacts(namesKernel: options.blame)
    var recorder: Recorder?
    if let recording {
      let new = try Recorder(recording, tracefs, capture)
      new.note(settings, capture.setup, arguments: options.recordedArguments)
      facts = RecordingFacts(facts) { note in new.note(note) }
      capture.reader.source.keeper = new
      capture.reader.source.leavesDataUnread = !recording.isReported
      if !recording.isReported { settings = settings.whileRecording }
      try stacks?.record(to: "\(new.place)/\(RecordingNames.samples)")
      recorder = new
    }
    let session = Session(settings, facts: facts, stacks: stacks?.finder(settings, facts))
    return LiveSession(
      session, targets, options.targets.selection, log: log, signals: signals, ends: ends,
      reporter: reporter, recorder: recorder, command: command, stacks: stacks, capture: capture)
  }
}
