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
  private let renderer: any Renderer
  private let log: (@Sendable (String) -> Void)?
  private let target: TargetProcess
  private let signals: Signals
  private let pidfd: OwnedDescriptor
  private var output: ReportOutput
  // In the order in which they may go: the command first, the kernel's instance last.
  private var command: CommandProcess?
  private var capture: Capture
  private var aggregator: Aggregator
  private var tracker: ThreadTracker
  private var plan: WindowPlan
  private var interval: DrainInterval
  private var progress: Progress
  private var interruptions = 0
  private var targetHasEnded = false
  private var lossBefore = Loss()
  private var execsSeen = 0

  private init(
    _ options: LiveCommand, _ target: TargetProcess, log: (@Sendable (String) -> Void)?, signals: consuming Signals,
    pidfd: consuming OwnedDescriptor,
    output: consuming ReportOutput, command: consuming CommandProcess?, capture: consuming Capture
  ) {
    self.log = log
    renderer = options.format.renderer
    self.target = target
    let length = options.sampleTime ?? (options.command.isEmpty ? 0.5 : nil)
    let nanoseconds = length.map { UInt64($0 * 1e9) }
    plan = WindowPlan(
      length: nanoseconds, pause: UInt64(options.sampleInterval * 1e9), count: options.sampleCount)
    progress = Progress(length: nanoseconds)
    interval = DrainInterval(bufferBytes: capture.bufferBytes)
    aggregator = Aggregator()
    tracker = ThreadTracker(target)
    self.signals = signals
    self.pidfd = pidfd
    self.output = output
    self.command = command
    self.capture = capture
  }

  /// Finds or starts the target and sets the capture up. What fails leaves nothing behind.
  static func prepare(_ options: LiveCommand) throws -> LiveSession {
    let signals = Signals()
    let output = try ReportOutput(path: options.output)
    var log: (@Sendable (String) -> Void)?
    if options.debug { log = { message in Failure.say("debug: \(message)") } }
    let (tracefs, message) = try MountedTracefs.find(log: log)
    if let message { Failure.say(message) }
    for name in try StaleInstances.remove(tracefs) {
      Failure.say("removed the tracing instance \(name) that a killed kdelay-ftrace left behind")
    }
    var command: CommandProcess?
    var pid = options.pid
    if !options.command.isEmpty {
      let started = try CommandProcess(starting: options.command)
      pid = started.pid
      command = consume started
    }
    let target =
      if let pid {
        try TargetProcess.find(pid: pid)
      } else {
        try TargetProcess.findOnly(named: "ovs-vswitchd")
      }
    let pidfd = try target.openDescriptor()
    let bufferKiB = options.bufferPageCount.map(BufferSize.kibibytes) ?? BufferSize.defaultKiB
    let capture = try Capture(tracefs, settings: CaptureSettings(bufferKiB: bufferKiB))
    for event in capture.missingEvents {
      Failure.say("warning: this kernel has no event \(event.name), which tells of \(event.purpose)")
    }
    log?("sub-buffers of \(capture.pageSize) bytes, \(capture.bufferBytes) bytes per CPU")
    return LiveSession(
      options, target, log: log, signals: signals, pidfd: pidfd, output: output, command: command, capture: capture)
  }

  /// Captures, reports, and takes everything down again.
  consuming func run() throws {
    try tracker.watchAll(capture)
    try capture.start()
    try begin()
    while !plan.isDone {
      let before = capture.bytesRead
      let (complete, wasBusy) = capture.drain()
      try process(upTo: complete)
      interval.adapt(toBytes: capture.bytesRead - before)
      if !wasBusy, !plan.isDone { wait(until: plan.edge) }
      if try checkForEnd() { break }
    }
    progress.clear()
    if let code = takeDownCommand(), code != 0 { Failure.say("the command exited with status \(code)") }
    try? capture.stop()
    log?(Self.cost(of: capture.eventsRead))
    if interruptions < 2 { try output.finish() }
    try capture.close()
  }

  /// Says when the first window opens: now for a running process, at its exec for a command.
  private mutating func begin() throws {
    lookAtThreads()
    // What /proc showed is no older than the events, which are enabled by now, and no younger than this.
    guard command != nil else { return plan.schedule(at: MonotonicClock.now) }
    aggregator.openWindowAtExec(of: target.pid)
    try command?.release()
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
    while let edge = plan.edge, edge <= complete {
      advance(to: edge)
      if plan.isOpen {
        try closeWindow(at: edge)
      } else {
        openWindow(at: edge)
      }
      if plan.isDone { return }
    }
    let wasWaiting = aggregator.isWaitingForExec
    advance(to: complete)
    if wasWaiting, !aggregator.isWaitingForExec {
      lossBefore = capture.loss
      plan.opened(at: aggregator.windowStart, reached: complete)
    }
    var names = capture.names
    try tracker.follow(&aggregator, capture, { names.intern($0) }, upTo: complete)
    capture.names = names
    let now = MonotonicClock.now
    progress.update(
      now: now, started: aggregator.windowStart, events: capture.eventsRead, lost: capture.loss.events)
  }

  private mutating func advance(to limit: UInt64) {
    Self.advance(&capture, &aggregator, target, &execsSeen, to: limit)
  }

  /// An exec can change the numbering of the syscalls that follow it: it is looked up before they are consumed.
  private static func advance(
    _ capture: inout Capture, _ aggregator: inout Aggregator, _ target: TargetProcess, _ execsSeen: inout Int,
    to limit: UInt64
  ) {
    capture.release(before: limit) { events in
      var rest = events
      while !rest.isEmpty {
        let consumed = aggregator.consume(rest)
        rest = UnsafeBufferPointer(rebasing: rest[consumed...])
        if aggregator.execCount != execsSeen {
          execsSeen = aggregator.execCount
          readABI(of: target, &aggregator)
        }
      }
    }
  }

  private static func readABI(of target: TargetProcess, _ aggregator: inout Aggregator) {
    aggregator.abi = ImageIdentity.read(target.executablePath)?.abi ?? aggregator.abi
  }

  // MARK: Windows

  private mutating func openWindow(at time: UInt64) {
    lossBefore = capture.loss
    aggregator.startWindow(at: time)
    plan.opened(at: time)
  }

  private mutating func closeWindow(at time: UInt64) throws {
    tracker.settleSilent(&aggregator)
    let snapshot = aggregator.finishWindow(at: time)
    plan.closed(at: time)
    let now = MonotonicClock.now
    // Lost events are the window's by their place in the stream; the rest is known by the time of reading only.
    var loss = capture.loss.since(lossBefore)
    loss.eventsByCPU = snapshot.lostEvents
    let sample = Sample(
      targetPID: target.pid, targetName: target.name, index: plan.index, snapshot: snapshot,
      loss: loss, names: capture.names,
      started: .of(monotonic: snapshot.start, now: now), stopped: .of(monotonic: time, now: now), dumped: .now)
    progress.clear()
    try output.write(renderer.render(sample))
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
      pollfd(fd: targetHasEnded ? -1 : pidfd.descriptor.rawValue, events: Int16(POLLIN), revents: 0),
    ]
    poll(&descriptors, 2, Int32((length + 999_999) / 1_000_000))
  }

  /// Whether to stop at once. The first signal, and the target's end, close the open window; what was measured is
  /// reported. The second signal does not wait for that.
  private mutating func checkForEnd() throws -> Bool {
    interruptions += signals.take()
    if interruptions >= 2 { return true }
    if interruptions == 1 { plan.cutShort(at: MonotonicClock.now) }
    guard !targetHasEnded, pidfd.isReadable else { return false }
    targetHasEnded = true
    // A command can be over before its exec was read from the stream.
    let now = MonotonicClock.now
    if command == nil {
      progress.clear()
      Failure.say("process \(target.pid) (\(target.name)) ended")
    }
    if aggregator.isWaitingForExec { try drainUntil(now) }
    plan.cutShort(at: now)
    return false
  }

  private mutating func drainUntil(_ time: UInt64) throws {
    while true {
      let (complete, _) = capture.drain()
      try process(upTo: min(complete, time))
      if complete >= time { return }
      usleep(500)
    }
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
