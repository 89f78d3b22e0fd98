internal import Aggregator
internal import CTraceFS
internal import Glibc
internal import Report
internal import SystemPackage
internal import TraceModel
internal import TraceSource
internal import Unwinder

/// A live capture from attaching to the last report: the wiring, and the order in which things start and stop.
struct LiveSession: ~Copyable {
  private let reporter: Reporter
  private let log: (@Sendable (String) -> Void)?
  private let target: TargetProcess
  /// The name of its first thread, as the last report has it.
  private var targetName: String
  private let signals: Signals
  private let pidfd: OwnedDescriptor
  // In the order in which they may go: the command first, the kernel's instance last.
  private var command: CommandProcess?
  private var stacks: SlowSyscallStacks?
  private var capture: Capture
  private var wakerNames = WakerNames()
  private var aggregator: Aggregator
  private var tracker: ThreadTracker
  private var children: ChildWatch
  private var plan: WindowPlan
  private var interval: DrainInterval
  private let bufferBytes: Int
  private var progress: Progress
  private let triggers: TriggerPair
  private var gateWatch = GateWatch()
  private var interruptions = 0
  /// When the target has ended, ns; nil while it runs.
  private var targetEnd: UInt64?
  /// When the command's program began, ns.
  private var commandStart: UInt64 = 0
  private var lossBefore = Loss()
  /// What opened the open window; nil where that was no trigger.
  private var openingTrigger: String?
  private let countsUpcalls: Bool
  private let recordingCost: RecordingCost?
  /// The program that has made 32-bit calls, though it is a 64-bit one, and the one that ran when the window opened; by the
  /// number of execs before them. Nil for none.
  private var programWithCompatCalls: Int?
  private var programAtOpening = 0
  private var missedUpcalls: UInt64 = 0
  /// Whether a trigger has done something.
  private var hasSeenTrigger = false

  init(
    _ options: LiveCommand, _ target: TargetProcess, log: (@Sendable (String) -> Void)?, signals: consuming Signals,
    pidfd: consuming OwnedDescriptor, triggers: TriggerPair, countsUpcalls: Bool, recordingCost: RecordingCost?,
    reporter: Reporter, command: consuming CommandProcess?, stacks: consuming SlowSyscallStacks?,
    capture: consuming Capture
  ) {
    self.log = log
    self.triggers = triggers
    self.countsUpcalls = countsUpcalls
    self.recordingCost = recordingCost
    self.reporter = reporter
    self.target = target
    targetName = target.name
    let length = options.sampleTime ?? (options.command.isEmpty || triggers.start != nil ? 0.5 : nil)
    let nanoseconds = triggers.stop == nil ? length.map { UInt64($0 * 1e9) } : nil
    plan = WindowPlan(
      opening: triggers.start == nil ? .time : .trigger,
      closing: triggers.stop == nil ? nanoseconds.map { .after($0) } ?? .end : .trigger,
      pause: UInt64(options.sampleInterval * 1e9), count: options.sampleCount, shortest: options.triggerDelta ?? 0)
    progress = Progress(length: nanoseconds)
    bufferBytes = capture.bufferBytes
    interval = DrainInterval(bufferBytes: bufferBytes)
    aggregator = Aggregator(syscallEvents: options.syscallEventFilter)
    tracker = ThreadTracker(target)
    children = ChildWatch(target)
    self.signals = signals
    self.pidfd = pidfd
    self.command = command
    self.stacks = stacks
    self.capture = capture
  }

  /// Captures, reports, and takes everything down again.
  consuming func run() throws {
    reporter.start()
    try stacks?.attach()
    try tracker.watchAll(capture)
    try capture.start(tids: target.threads)
    logGating()
    try begin()
    while !plan.isDone {
      let before = (buffers: buffersRead, rings: stacks?.ringsRead ?? 0)
      let (complete, wasBusy) = capture.drain()
      try process(upTo: complete)
      stacks?.discard(&aggregator, upTo: min(complete, capture.released))
      try widenGate()
      interval.adapt(toFilled: max(buffersRead - before.buffers, (stacks?.ringsRead ?? 0) - before.rings))
      if !wasBusy, !plan.isDone, !gateWatch.wantsOpenGate { wait(until: plan.edge) }
      if checkForEnd() { break }
    }
    progress.clear()
    sayWhatWasMissed()
    if let code = takeDownCommand(), code != 0 { Failure.say("the command exited with status \(code)") }
    // The report can take long: the target shall not pay for it.
    stacks = nil
    try? capture.stop()
    log?(Self.cost(of: capture.eventsRead))
    try capture.close()
    try Self.finish(reporter, signals, interruptions)
  }

  /// How many kernel buffers full of events were drained so far.
  private var buffersRead: Double { Double(capture.bytesRead) / Double(max(bufferBytes, 1)) }

  /// Waits for the report to be written, whose reader may be slow; the second signal does not wait.
  private static func finish(_ reporter: Reporter, _ signals: borrowing Signals, _ earlier: Int) throws {
    var interruptions = earlier
    reporter.close()
    while interruptions < 2, !reporter.hasEnded {
      usleep(500)
      interruptions += signals.take()
    }
    if interruptions >= 2 { reporter.abandon() } else { try reporter.finish() }
  }

  /// Says when the first window opens: now for a running process, at its exec for a command.
  private mutating func begin() throws {
    lookAtThreads()
    if command == nil { children.lookAtAll(&aggregator) }
    // What /proc showed is no older than the events, which are enabled by now, and no younger than this.
    guard command != nil else { return plan.schedule(at: MonotonicClock.now) }
    if triggers.start == nil {
      aggregator.openWindowAtExec(of: target.pid)
    } else {
      plan.schedule(at: MonotonicClock.now)
    }
    try command?.release()
    commandStart = MonotonicClock.now
    Self.readABI(of: target, &aggregator)
  }

  private mutating func lookAtThreads() {
    let time = MonotonicClock.now
    var names = capture.names
    tracker.lookAtAll(&aggregator, { names.intern($0) }, at: time)
    capture.names = names
    Self.readABI(of: target, &aggregator)
  }

  // MARK: The stream

  /// Consumes all events before `complete`, opening and closing windows on the way.
  private mutating func process(upTo complete: UInt64) throws {
    try noteMisses()
    stacks?.drain(before: complete)
    while !plan.isDone {
      let limit = min(complete, plan.edge ?? .max, tracker.edge ?? .max)
      let wasWaiting = aggregator.isWaitingForExec
      let stop = Self.release(&capture, &aggregator, before: limit)
      wakerNames.note(&aggregator)
      stacks?.collect(aggregator)
      if wasWaiting, !aggregator.isWaitingForExec {
        lossBefore = capture.loss
        programAtOpening = aggregator.execCount
        plan.opened(at: aggregator.windowStart, reached: stop?.timestamp ?? limit)
      }
      if let stop {
        try process(stop)
      } else if let edge = tracker.edge, edge <= limit {
        var names = capture.names
        try tracker.reach(&aggregator, capture, { names.intern($0) })
        capture.names = names
      } else if let edge = plan.edge, edge <= complete {
        try take(plan.stepAtEdge(), at: edge)
      } else {
        break
      }
    }
    if plan.isDone { return }
    var names = capture.names
    try tracker.follow(&aggregator, capture, { names.intern($0) }, upTo: complete)
    capture.names = names
    if plan.isOpen { tracker.lookAtSilent(aggregator, isGated: triggers.start != nil) }
    children.follow(&aggregator)
    let now = MonotonicClock.now
    progress.update(
      now: now, started: plan.isOpen ? aggregator.windowStart : nil, events: capture.eventsRead,
      lost: capture.loss.events)
  }

  private static func release(
    _ capture: inout Capture, _ aggregator: inout Aggregator, before limit: UInt64
  ) -> Event? {
    capture.release(before: limit) { aggregator.consume($0) }
  }

  /// What the aggregator stopped at: a trigger, or an exec, which can change the numbering of the syscalls after it.
  private mutating func process(_ event: Event) throws {
    guard event.kind.isTrigger else { return Self.readABI(of: target, &aggregator) }
    let isUserSpace = triggers.isUserSpace(event.kind)
    // The pid filter follows forks into processes of their own, and knows nothing where other triggers are for anybody.
    if isUserSpace, !aggregator.isThread(event.tid), !target.has(thread: event.tid) { return }
    // What comes late belongs to where the stream is.
    let time = max(event.timestamp, capture.released)
    let step = plan.step(on: event.kind, at: time)
    if isUserSpace, step != .nothing { aggregator.isInUserMode(event.tid, at: time) }
    gateWatch.note(event)
    if step != .nothing { hasSeenTrigger = true }
    openingTrigger = step == .open ? triggers.text(of: event.kind) : openingTrigger
    try take(step, at: time, trigger: event)
    if isUserSpace, step == .open || step == .closeAndOpen { aggregator.isInUserMode(event.tid, at: time) }
  }

  private mutating func take(_ step: WindowPlan.Step, at time: UInt64, trigger: Event? = nil) throws {
    switch step {
    case .open: openWindow(at: time, trigger)
    case .close: try closeWindow(at: time, trigger)
    case .closeAndOpen:
      try closeWindow(at: time, trigger)
      openWindow(at: time, trigger)
    case .nothing: break
    }
  }

  private static func readABI(of target: TargetProcess, _ aggregator: inout Aggregator) {
    aggregator.abi = ImageIdentity.read(target.executablePath)?.abi ?? aggregator.abi
  }

  private mutating func noteMisses() throws {
    guard capture.hasKernelProbes else { return }
    let (triggers, upcalls) = capture.newMisses()
    aggregator.missedTriggers += triggers
    missedUpcalls += upcalls
  }

  // MARK: Windows

  private mutating func openWindow(at time: UInt64, _ trigger: Event?) {
    lossBefore = capture.loss
    programAtOpening = aggregator.execCount
    openingTrigger = trigger.map { triggers.text(of: $0.kind) }
    children.settle(&aggregator)
    aggregator.startWindow(at: time, forgettingModes: gateWatch.opened(by: trigger, closesGate: capture.gate?.closes))
    plan.opened(at: time)
    wakerNames.startWindow()
  }

  /// Where triggers of several threads overlap, one of them could close the gate of another's window.
  private mutating func widenGate() throws {
    guard gateWatch.wantsOpenGate else { return }
    try capture.widenGate()
    if capture.gate?.closes == true { return }
    gateWatch.keptOpen(at: MonotonicClock.now)
    log?("gating has ended, since triggers of several threads overlap")
  }

  private mutating func closeWindow(at time: UInt64, _ trigger: Event?) throws {
    tracker.settleSilent(&aggregator, isGated: triggers.start != nil)
    var snapshot = aggregator.finishWindow(at: time)
    let counts = trigger == nil || !plan.isTooShort(from: snapshot.start, to: time)
    let pending = stacks?.take()
    for (index, stacks) in (pending?.found.events ?? []).enumerated() where stacks.isCompat == true {
      snapshot.syscallEvents[index].abi = .i386
    }
    if snapshot.showsCompatCalls(of: aggregator.abi) { programWithCompatCalls = programAtOpening }
    let sample = sample(of: snapshot, trigger)
    plan.closed(at: time, counts: counts)
    progress.clear()
    try reporter.report(sample, pending, isSkipped: !counts)
  }

  private mutating func sample(of snapshot: Snapshot, _ trigger: Event?) -> Sample {
    let now = MonotonicClock.now
    noteName()
    // Lost events are the window's by their place in the stream; the rest is known by the time of reading only.
    var loss = capture.loss.since(lossBefore)
    loss.eventsByCPU = snapshot.lostEvents
    var sample = Sample(
      targetPID: target.pid, targetName: targetName, index: plan.index, snapshot: snapshot,
      loss: loss, names: capture.names,
      started: .of(monotonic: snapshot.start, now: now), stopped: .of(monotonic: snapshot.stop, now: now),
      dumped: .now)
    sample.startTrigger = openingTrigger
    sample.stopTrigger = trigger.map { triggers.text(of: $0.kind, closing: true) }
    sample.stacks.wakers = wakerNames.names
    sample.namesAreUncertain = programWithCompatCalls == programAtOpening
    sample.recordingCost = recordingCost?.perSyscall
    sample.gatingIsUncertain = gateWatch.isUncertain
    if countsUpcalls {
      sample.upcalls = UpcallStatistics(counts: snapshot.upcalls, missed: missedUpcalls)
      missedUpcalls = 0
    }
    return sample
  }

  private func logGating() {
    guard let log, triggers.start != nil else { return }
    if let refusal = capture.gateRefusal {
      log("no gating, everything is recorded while a trigger is waited for: \(refusal)")
    } else if capture.gate?.closes == true {
      log("gating: syscalls and interrupts are recorded in windows only")
    } else {
      log("gating: syscalls and interrupts are recorded from the first start trigger on")
    }
  }

  // MARK: Waiting and ending

  /// Sleeps until the next drain is due, a signal comes, or the target ends.
  private func wait(until edge: UInt64?) {
    var length = interval.length
    // An edge can be passed a little after it: see `Capture.settlingTime`.
    let now = MonotonicClock.now
    let due = edge.map { $0 + Capture.settlingTime + 100_000 }
    if let due, due > now { length = min(length, due - now) }
    var descriptors = [
      pollfd(fd: signals.descriptor.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
      pollfd(fd: targetEnd != nil ? -1 : pidfd.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
    ]
    poll(&descriptors, 2, Int32((length + 999_999) / 1_000_000))
  }

  /// Whether to stop at once. The first signal, and the target's end, cut the plan short; what was recorded until then is
  /// reported. The second signal does not wait for that.
  private mutating func checkForEnd() -> Bool {
    interruptions += signals.take()
    if interruptions >= 2 { return true }
    if interruptions == 1 { plan.cutShort(at: MonotonicClock.now) }
    guard targetEnd == nil, pidfd.isReadable else { return false }
    let now = MonotonicClock.now
    targetEnd = now
    plan.cutShort(at: now)
    return false
  }

  /// The first thread's name, which an exec or the thread itself can have changed. One that ended in an earlier window keeps
  /// the name that it had.
  private mutating func noteName() {
    if let name = aggregator.name(of: target.pid) { targetName = capture.names[name] }
  }

  /// Says on stderr what a report does not: that the target ended, and what of it was not watched.
  private mutating func sayWhatWasMissed() {
    noteName()
    let count = aggregator.children.seen
    let children = count == 0 ? nil : "process \(target.pid) (\(targetName)) had \(ChildWatch.text(count))"
    if let missing = triggers.missing(windows: plan.index - 1) {
      // Triggers of the kernel come from any process.
      let reason = triggers.start?.isUserSpace == true ? children : nil
      Failure.say("warning: \(missing)\(reason.map { "; \($0)" } ?? "")")
    } else if triggers.start == nil, triggers.stop?.isUserSpace == true, !hasSeenTrigger {
      Failure.say("warning: the stop trigger did not come\(children.map { ": \($0)" } ?? "")")
    }
    guard let targetEnd else { return }
    let living = ChildWatch.livingCount(aggregator)
    if command == nil {
      let rest = living == 0 ? "" : "; \(ChildWatch.living(living)) on unwatched"
      return Failure.say("process \(target.pid) (\(targetName)) ended\(rest)")
    }
    guard living > 0 else { return }
    let lifetime = (targetEnd - min(commandStart, targetEnd)) / 1_000_000
    Failure.say(
      "warning: the command ended after \(lifetime) ms, which is all that was measured: "
        + "\(ChildWatch.living(living)) on unwatched")
  }

  /// What the capture has cost so far, for `--debug`.
  private static func cost(of events: UInt64) -> String {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let user = usage.ru_utime.tv_sec * 1_000_000 + usage.ru_utime.tv_usec
    let system = usage.ru_stime.tv_sec * 1_000_000 + usage.ru_stime.tv_usec
    return "read \(events) events with \(user) us user and \(system) us system time, "
      + "\((user + system) * 1000 / max(1, Int(events))) ns each; at most \(usage.ru_maxrss) KiB resident"
  }

  /// Ends the command if it still runs; returns its exit status if it ended by itself.
  private mutating func takeDownCommand() -> Int32? {
    guard let hasEnded = command?.hasEnded() else { return nil }
    if hasEnded { return command?.exitCode }
    command?.terminate()
    return nil
  }
}
