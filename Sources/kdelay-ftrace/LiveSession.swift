internal import Glibc
internal import Report
internal import Session
internal import SystemCalls
internal import SystemPackage
internal import TraceFile
internal import TraceFormat
internal import TraceModel
internal import TraceSource

/// A live capture from attaching to the last report: drives a session from the kernel's rings, and does what it asks for.
struct LiveSession: ~Copyable {
  /// Nil where nothing is reported.
  private let reporter: Reporter?
  /// Nil where nothing is recorded.
  private let recorder: Recorder?
  /// Why the recording is not whole; nil where it is, or there is none.
  private var recordingFailure: TraceFileError?
  private let log: (@Sendable (String) -> Void)?
  private let targets: [TargetProcess]
  private let signals: Signals
  private var ends: TargetEnds
  // In the order in which they may go: the command first, the kernel's instance last.
  private var command: CommandProcess?
  private var stacks: LiveStacks?
  private var capture: Capture
  private var session: Session
  private var interval: DrainInterval
  private let bufferBytes: Int
  private var progress: Progress
  private var newcomers: Newcomers
  /// What keeps the kernel's filter whole where no event is looked at; nil where the session does.
  private var filter: FilterWatch?
  private var interruptions = 0
  /// When the target has ended, ns; nil while it runs.
  private var targetEnd: UInt64?
  /// Since when no process of the target is known to live, though events have not told of all their ends, ns.
  private var goneSince: UInt64?
  /// When the command's program began, ns.
  private var commandStart: UInt64 = 0

  init(
    _ session: consuming Session, _ targets: [TargetProcess], _ selection: TargetSelection,
    log: (@Sendable (String) -> Void)?, signals: consuming Signals, ends: consuming TargetEnds,
    reporter: Reporter?, recorder: Recorder?, command: consuming CommandProcess?,
    stacks: consuming LiveStacks?, capture: consuming Capture
  ) {
    self.recorder = recorder
    filter = capture.reader.source.leavesDataUnread ? FilterWatch() : nil
    self.log = log
    self.reporter = reporter
    self.targets = targets
    newcomers = Newcomers(selection)
    progress = Progress(session.settings)
    bufferBytes = capture.setup.bufferBytes
    interval = DrainInterval(bufferBytes: bufferBytes)
    self.session = session
    self.signals = signals
    self.ends = ends
    self.command = command
    self.stacks = stacks
    self.capture = capture
  }

  /// Captures, reports, and takes everything down again.
  consuming func run() throws {
    reporter?.start(ReportHeader(targets: session.settings.targets, clock: session.clock))
    let targets = targets
    try session.updateStacks { found throws(CaptureError) in try stacks?.attach(to: targets, &found) }
    let tids = try watchThreads()
    try capture.setup.start(tids: tids)
    logGating()
    // Some may have been made before their making was recorded.
    let others = try newcomers.find(besides: targets.map(\.pid), &session, &capture, &stacks)
    recorder?.note(.begin(others: others, gateCloses: capture.setup.gate?.closes))
    // For the report's own beginning.
    if recorder != nil { _ = session.clock }
    session.begin(&capture.reader.names, besides: others, gateCloses: capture.setup.gate?.closes)
    if command != nil { try releaseCommand() }
    let cost = ReadingCost()
    while !session.isDone {
      let before = (buffers: buffersRead, rings: stacks?.ringsRead ?? 0)
      let now = MonotonicClock.now
      let (complete, wasBusy) = capture.reader.drain(now: now)
      try endTurn(now)
      try follow(upTo: complete)
      try limitRecording(now, complete, isBusy: wasBusy)
      interval.adapt(toFilled: max(buffersRead - before.buffers, (stacks?.ringsRead ?? 0) - before.rings))
      if !wasBusy, !session.isDone, !session.wantsOpenGate { wait(until: session.nextDue) }
      if checkForEnd() { break }
    }
    progress.clear()
    sayWhatWasMissed()
    if let code = takeDownCommand(), code != 0 { Failure.say("the command exited with status \(code)") }
    // The report can take long: the target shall not pay for it.
    do throws(TraceFileError) { try stacks?.finishRecording() } catch { recordingFailure = recordingFailure ?? error }
    stacks = nil
    try? capture.setup.stop()
    log?(cost.text(of: capture.reader.eventsRead))
    finishRecording()
    try capture.close()
    try reporter?.finish(signals, after: interruptions)
    if let recordingFailure { throw recordingFailure }
  }

  // MARK: Recording

  /// Notes the end of a turn. Where the recording cannot go on, a report does.
  private mutating func endTurn(_ now: UInt64) throws(TraceFileError) {
    guard recordingFailure == nil else { return }
    do throws(TraceFileError) {
      try recorder?.endTurn(now)
      if let failure = stacks?.recordingState()?.failure { throw failure }
    } catch {
      guard reporter != nil else { throw error }
      recordingFailure = error
      Failure.say("warning: the recording ends here, and the report goes on: \(error)")
    }
  }

  private mutating func finishRecording() {
    guard let recorder else { return }
    do throws(TraceFileError) {
      try recorder.finish(capture.reader.source)
      if recordingFailure == nil { Failure.say(recorder.summary(lost: capture.reader.loss.events)) }
    } catch {
      recordingFailure = recordingFailure ?? error
    }
  }

  // MARK: Beginning

  /// Puts all threads into the capture's filter, and returns them.
  private func watchThreads() throws(CaptureError) -> [Int32] {
    var known: Set<Int32> = []
    var ended: CaptureError?
    for target in targets {
      do { try capture.setup.watch(target, &known) } catch {
        // Of several, one may end at any time.
        guard error.code == .noTarget else { throw error }
        ended = ended ?? error
      }
    }
    if known.isEmpty, let ended { throw ended }
    return known.sorted()
  }

  private mutating func releaseCommand() throws(CaptureError) {
    try command?.release()
    commandStart = MonotonicClock.now
    recorder?.note(.commandBegan)
    session.commandBegan()
  }

  private func logGating() {
    guard let log, session.settings.startTrigger != nil, !session.settings.looksBack else { return }
    if let refusal = capture.setup.gateRefusal {
      log("no gating, everything is recorded while a trigger is waited for: \(refusal)")
    } else if capture.setup.gate?.closes == true {
      log("gating: syscalls and interrupts are recorded in windows only")
    } else {
      log("gating: syscalls and interrupts are recorded from the first start trigger on")
    }
  }

  // MARK: The stream

  /// How many kernel buffers full of events were drained so far.
  private var buffersRead: Double { Double(capture.reader.bytesRead) / Double(max(bufferBytes, 1)) }

  private mutating func follow(upTo complete: UInt64) throws {
    if capture.setup.hasKernelProbes {
      let misses = capture.setup.newMisses()
      if misses != (0, 0) { recorder?.note(.missed(triggers: misses.triggers, upcalls: misses.upcalls)) }
      session.missed(triggers: misses.triggers, upcalls: misses.upcalls)
    }
    session.updateStacks { found in stacks?.drain(before: complete, into: &found) }
    session.follow(&capture.reader, upTo: complete)
    while case let effects = session.takeEffects(), !effects.isEmpty {
      for effect in effects { try perform(effect) }
    }
    guard !session.isDone else { return }
    let recorder = recorder
    try newcomers.look(&session, &capture, &stacks) { session, process in
      recorder?.note(.added(process))
      session.add(process)
    }
    try filter?.follow(session.livingProcesses, capture.setup, recorder)
    progress.update(
      now: MonotonicClock.now, started: session.openWindowStart, events: capture.reader.eventsRead,
      lost: capture.reader.loss.events)
  }

  private mutating func perform(_ effect: SessionEffect) throws {
    switch effect {
    case .closed(let result): try report(result)
    case .watch(let tids):
      try capture.setup.watch(tids: tids)
      recorder?.note(.watched(tids))
      session.watched(tids)
    case .widenGate:
      // Where triggers of several threads overlap, one of them could close the gate of another's window.
      try capture.setup.widenGate()
      let closes = capture.setup.gate?.closes ?? false
      recorder?.note(.gate(closes: closes))
      if session.gateWidened(closes: closes) {
        log?("gating has ended, since triggers of several threads overlap")
      }
    }
  }

  private mutating func report(_ result: WindowResult) throws(ToolError) {
    guard let reporter else { return }
    var result = result
    session.updateStacks { found in
      if let loss = stacks?.loss() { result.stacks?.loss = found.note(loss: loss) }
    }
    progress.clear()
    try reporter.report(result, result.stacks.flatMap { stacks?.pending($0) })
  }

  // MARK: A recording's limits

  /// Begins the recording's next segment where the last has its size, and ends it where its file system has no room for more.
  /// All events before `complete`, ns, are in it, unless the turn was busy.
  private mutating func limitRecording(_ now: UInt64, _ complete: UInt64, isBusy: Bool) throws {
    guard let recorder, recordingFailure == nil, !session.isDone else { return }
    let samples = stacks?.recordingState()?.size ?? 0
    if session.cut == nil, let lack = recorder.lackOfRoom(now, others: samples) {
      Failure.say("warning: the recording ends early: \(lack)")
      recorder.note(.stopped(lack))
      // What the rings hold is still to be written.
      try capture.setup.stop()
      cutShort(at: MonotonicClock.now)
    }
    guard recorder.isFull(others: samples, isBusy: isBusy) else { return }
    try stacks?.finishRecording()
    let living = session.livingProcesses.compactMap { pid in
      ProcessStatus.read(pid: pid).map { NamedProcess(pid: pid, name: $0.name) }
    }
    let targets = living.isEmpty ? session.settings.targets : living
    try recorder.beginSegment(capture.reader.source, at: complete, targets)
    try stacks?.record(to: "\(recorder.place)/\(RecordingNames.samples)")
    recorder.note(.begin(others: [], gateCloses: capture.setup.gate?.closes))
    _ = session.clock
    session.askAsAtBeginning(targets)
  }

  // MARK: Waiting and ending

  /// Sleeps until the next drain is due, a signal comes, or the target ends.
  private func wait(until edge: UInt64?) {
    var length = interval.length
    // An edge can be passed a little after it: see `Settling.time`.
    let now = MonotonicClock.now
    let due = edge.map { $0 + Settling.time + 100_000 }
    if let due, due > now { length = min(length, due - now) }
    var descriptors = [
      pollfd(fd: signals.descriptor.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: targetEnd != nil ? -1 : ends.awaited, events: Int16(POLLIN), revents: 0),
    ]
    poll(&descriptors, 2, Int32((length + 999_999) / 1_000_000))
  }

  /// Whether to stop at once. The first signal, and the target's end, cut the session short; what was recorded until then is
  /// reported. The second signal does not wait for that.
  private mutating func checkForEnd() -> Bool {
    interruptions += signals.take()
    if interruptions >= 2 { return true }
    if interruptions == 1 { cutShort(at: MonotonicClock.now) }
    guard targetEnd == nil, ends.areOver(), !mayGoOn() else { return false }
    // What it had made can have ended some time ago.
    let now = MonotonicClock.now
    let end = session.settings.followsChildren ? min(session.targetEnd.map { $0 + 1 } ?? now, now) : now
    targetEnd = end
    cutShort(at: end)
    return false
  }

  private mutating func cutShort(at time: UInt64) {
    recorder?.note(.cut(at: time))
    session.cutShort(at: time)
  }

  /// Whether processes may live that the first ones have made, and that belong to the target. What these made last is known
  /// when the stream has come as far.
  private mutating func mayGoOn() -> Bool {
    guard session.settings.followsChildren, session.targetEnd == nil else { return false }
    if session.livingProcesses.contains(where: { ProcessStatus.isAlive($0) }) {
      goneSince = nil
      return true
    }
    // Their ends may be among what was lost.
    let since = goneSince ?? MonotonicClock.now
    goneSince = since
    return session.followed < since + Self.patience
  }

  /// How long ends are waited for of which no event tells, ns.
  private static let patience: UInt64 = 100_000_000

  /// Says on stderr what a report does not: that the target ended, and what of it was not watched.
  private mutating func sayWhatWasMissed() {
    session.noteName(capture.reader.names)
    let summary = SessionSummary(
      session, lifetime: targetEnd.map { $0 - min(commandStart, $0) }, isCommand: command != nil)
    for line in summary.lines { Failure.say(line) }
  }

  /// Ends the command if it still runs; returns its exit status if it ended by itself.
  private mutating func takeDownCommand() -> Int32? {
    guard let hasEnded = command?.hasEnded() else { return nil }
    if hasEnded { return command?.exitCode }
    command?.terminate()
    return nil
  }
}
