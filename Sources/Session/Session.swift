package import Aggregator
package import TraceModel

/// Events in, results out: follows an ordered stream of events, cuts windows from it, and says what each of them showed.
///
/// It reads no file and no clock. What events do not tell it asks `TargetFacts`; what it wants done outside comes back as an
/// effect, which whoever drives it performs. So a live capture, a recording and a script of a test feed the same session.
///
/// `follow` does the whole of it for a stream: it consumes events up to the next time at which something is due (`edge`), and
/// then calls `tick`.
package struct Session: ~Copyable {
  package let settings: SessionSettings
  let facts: any TargetFacts
  package internal(set) var aggregator: Aggregator
  var plan: WindowPlan
  var tracker: ThreadTracker
  var children: ChildWatch
  var gateWatch = GateWatch()
  var causeFinder: CauseFinder
  /// The kernel stacks that events refer to by number; nil before the stream has been followed.
  var kernelStacks: KernelStackTable?
  /// What looks at control groups and at the machine; nil where causes are not recorded.
  var machineWatch: MachineWatch?
  /// What finds the stacks of slow syscalls; nil where stacks were not asked for.
  var stacks: SlowSyscallStacks?
  var slowSyscalls: [SlowSyscall] = []
  var effects: [SessionEffect] = []
  /// What the session has stopped at, a trigger or an exec, until `tick` looks at it.
  var stop: Event?
  /// Whether the first window waits for a command's exec, as of the last `tick`.
  private var isWaitingForExec = false
  /// The time before which all events were consumed, ns.
  private(set) var reached: UInt64 = 0
  /// What sees events before the session does, where windows are made of what has happened already.
  var lookout: Lookout
  /// The threads of which no event has told up to now, though the session is not there yet.
  var silentToThisDay: Set<Int32> = []
  /// Tasks that are known, in this turn of `follow`, to be no threads of the target.
  var strangers: Set<Int32> = []
  /// Whether the kernel closes the gate of data events at stop triggers; nil where there is no gate.
  var gateCloses: Bool?
  /// The name of the target's first thread, as the last report has it.
  package internal(set) var targetName: String
  /// Whether a trigger has opened or closed a window.
  package internal(set) var hasSeenTrigger = false
  var lossBefore = Loss()
  /// What opened the open window; nil where that was no trigger.
  var openingTrigger: String?
  /// The number of upcalls that were missed since the last window was closed.
  var missedUpcalls: UInt64 = 0
  /// Processes whose program, a 64-bit one, has made 32-bit calls.
  var compatProcesses: Set<Int32> = []
  /// Processes that have replaced their program since the latest window opened.
  var replaced: Set<Int32> = []

  /// A session that has seen nothing yet. `stacks`: what finds the stacks of slow syscalls, where the settings ask for it.
  package init(_ settings: SessionSettings, facts: any TargetFacts, stacks: consuming SlowSyscallStacks? = nil) {
    self.settings = settings
    self.facts = facts
    self.stacks = stacks
    targetName = settings.first.name
    causeFinder = CauseFinder(facts)
    aggregator = Aggregator(
      abi: settings.abi, syscallEvents: settings.slowSyscalls, followsChildren: settings.followsChildren,
      causes: settings.recordsCauses ? .machine : .target)
    lookout = Lookout(settings)
    tracker = ThreadTracker(facts, isLate: settings.looksBack)
    // Of a window of the past, what is so now says nothing.
    if settings.recordsCauses, !settings.looksBack { machineWatch = MachineWatch(facts) }
    children = ChildWatch(settings.targets.map(\.pid), facts)
    plan = WindowPlan(
      opening: settings.opening, closing: settings.closing, pause: settings.pause,
      count: settings.count, shortest: settings.shortest)
  }

  // MARK: What the driver says and asks

  /// Begins: events are recorded by now. Windows open from now on, or from the exec of a command. `others`: processes that have
  /// come to the target since the settings were made. `gateCloses`: whether the kernel closes the gate of data events at stop
  /// triggers; nil where there is no gate.
  package mutating func begin(
    _ names: inout NameTable, besides others: [NamedProcess] = [], gateCloses: Bool? = nil
  ) {
    self.gateCloses = gateCloses
    aggregator.recordingBegan(at: facts.now)
    for target in settings.targets + others {
      let name = names.intern(target.name)
      tracker.lookAtAll(of: target.pid, &aggregator, &names)
      if settings.recordsCauses { causeFinder.lookAtBlocked(facts.threads(of: target.pid) ?? [], of: target.pid) }
      // Its first thread may have ended.
      aggregator.setName(name, ofProcess: target.pid)
      if settings.looksBack {
        tracker.lookAtAll(of: target.pid, &lookout.aggregator, &names)
        lookout.aggregator.setName(name, ofProcess: target.pid)
      }
      readABI(of: target.pid)
    }
    if !settings.isCommand, !settings.followsChildren {
      children.lookAtAll(&aggregator)
      if settings.looksBack { children.lookAtAll(&lookout.aggregator) }
    }
    lookout.begin = facts.now
    if settings.isCommand, settings.startTrigger == nil, !settings.looksBack {
      aggregator.openWindowAtExec(of: settings.first.pid)
      isWaitingForExec = true
    } else {
      // What was seen of the threads is no older than the events, and no younger than this.
      plan.schedule(at: facts.now)
    }
  }

  /// Asks the facts what a session asks at its beginning, whose target is `targets`: for a recording of which another part begins
  /// now.
  package func askAsAtBeginning(_ targets: [NamedProcess]) {
    var settings = settings
    settings.targets = targets
    var names = NameTable()
    var other = Session(settings, facts: facts)
    other.begin(&names)
  }

  /// What the clocks say now; nil where that is not known.
  package var clock: ClockPair? { facts.clock }

  /// The command's program has begun.
  package mutating func commandBegan() { readABI(of: settings.first.pid) }

  /// The process belongs to the target from now on. The kernel's filter holds its threads.
  package mutating func add(_ process: NamedProcess) {
    tracker.add(process.pid)
  }

  /// The processes of the target that have not ended, as far as the stream has been followed.
  package var livingProcesses: [Int32] {
    settings.looksBack ? lookout.aggregator.livingProcesses : aggregator.livingProcesses
  }

  /// How often events were lost so far, and are complete again.
  package var gapCount: Int { settings.looksBack ? lookout.aggregator.gapCount : aggregator.gapCount }

  /// The time before which all events were seen, ns.
  package var followed: UInt64 { settings.looksBack ? lookout.followed : reached }

  /// When the last of the target's processes ended, ns; nil while one lives, as far as the stream has been followed.
  package var targetEnd: UInt64? {
    if settings.looksBack { return tracker.edgeAhead == nil ? lookout.aggregator.lastEnd : nil }
    return tracker.edge == nil ? aggregator.lastEnd : nil
  }

  /// The target has ended, or the operator wants to: all that was recorded before `time`, ns, is reported, and nothing after.
  ///
  /// What is followed already stays: a cut before that is one there.
  package mutating func cutShort(at time: UInt64) { plan.cutShort(at: max(time, followed)) }

  /// Where the session was cut short, ns; nil where it was not.
  package var cut: UInt64? { plan.cut }

  /// The number of triggers that were missed since the last window was closed.
  package var missedTriggers: UInt64 { aggregator.missedTriggers }

  /// Whether nothing is left to do.
  package var isDone: Bool { plan.isDone }

  /// The number of windows that were reported.
  package var windowCount: Int { plan.index - 1 }

  /// When the open window began, ns; nil where none is open.
  package var openWindowStart: UInt64? { plan.isOpen ? aggregator.windowStart : nil }

  /// When the next thing is due whether or not an event comes, ns; nil where nothing is.
  package var nextDue: UInt64? { plan.edge }

  /// Whether the driver has to go on at once: a step to an open gate is due.
  package var wantsOpenGate: Bool { gateWatch.wantsOpenGate }

  /// Direct child processes that were not watched and lived at some time since the session began.
  package var childrenSeen: Int { aggregator.children.seen }

  /// Child processes that are not watched and have not ended, children of children included.
  package func livingChildren() -> Int {
    settings.looksBack ? children.livingCount(lookout.aggregator) : children.livingCount(aggregator)
  }

  /// What the session wants done, in this order; asks for each once.
  package mutating func takeEffects() -> [SessionEffect] {
    defer { effects.removeAll(keepingCapacity: true) }
    return effects
  }

  /// The kernel's probes have missed triggers or upcalls.
  package mutating func missed(triggers: UInt64, upcalls: UInt64) {
    aggregator.missedTriggers += triggers
    missedUpcalls += upcalls
  }

  /// The kernel's filter holds the tasks that `SessionEffect.watch` asked for.
  package mutating func watched(_ tids: [Int32]) {
    let others =
      settings.looksBack ? tracker.watched(tids, &lookout.aggregator) : tracker.watched(tids, &aggregator)
    if !others.isEmpty { effects.append(.watch(others)) }
  }

  /// A step to an open gate was taken; `closes`: whether the kernel still closes it at stop triggers. Returns whether the gate
  /// stays open from now on.
  package mutating func gateWidened(closes: Bool) -> Bool {
    gateCloses = closes
    if closes { return false }
    gateWatch.keptOpen(at: facts.now)
    return true
  }

  /// Lets the source of stack samples have what finds the stacks; does nothing where stacks were not asked for.
  package mutating func updateStacks<Failure: Error>(
    _ body: (inout SlowSyscallStacks) throws(Failure) -> Void
  ) throws(Failure) {
    try stacks?.update(body)
  }

  // MARK: The stream

  /// The time up to which events may be consumed before `tick`, ns; nil where only the stream's own end stops it.
  package var edge: UInt64? {
    guard let due = plan.edge else { return tracker.edge }
    return tracker.edge.map { min($0, due) } ?? due
  }

  /// Takes in a run of ordered events, none at or after `edge`. Returns how many it took; where it stops, `tick` has to be
  /// called before it takes more.
  package mutating func consume(_ events: UnsafeBufferPointer<Event>) -> (count: Int, stops: Bool) {
    let taken = aggregator.consume(events)
    if taken.stops { stop = events[taken.count - 1] }
    if settings.slowSyscalls != nil { collectSlowSyscalls() }
    return taken
  }

  /// All events before `limit`, ns, were consumed, or those up to the one that `consume` stopped at: does what is due there.
  /// Returns whether there was anything; if not, the stream can be left alone until more of it is known. `loss`: what the
  /// stream has lost so far; `released`: the time before which it has passed on everything, ns.
  package mutating func tick(_ limit: UInt64, _ names: inout NameTable, loss: Loss, released: UInt64) -> Bool {
    let stop = self.stop
    self.stop = nil
    reached = max(reached, stop?.timestamp ?? limit)
    let wasWaiting = isWaitingForExec
    isWaitingForExec = aggregator.isWaitingForExec
    if wasWaiting, !isWaitingForExec {
      noteOpening(loss)
      plan.opened(at: aggregator.windowStart, reached: stop?.timestamp ?? limit)
    }
    if let stop {
      act(on: stop, released: released, names, loss)
    } else if let edge = tracker.edge, edge <= limit {
      tracker.reach(&aggregator, &names)
    } else if let edge = plan.edge, edge <= limit {
      perform(plan.stepAtEdge(), at: edge, trigger: nil, names, loss)
    } else {
      return false
    }
    return true
  }

  /// Consumes all events before `complete`, ns, opening and closing windows on the way.
  package mutating func follow<Stream: EventStream & ~Copyable>(_ stream: inout Stream, upTo complete: UInt64) {
    strangers.removeAll(keepingCapacity: true)
    kernelStacks = stream.kernelStacks
    if settings.looksBack { followBehind(&stream, upTo: complete) } else { followAtOnce(&stream, upTo: complete) }
    if plan.isDone { return }
    lookAround(min(complete, settings.looksBack ? reached : stream.released))
  }

  private mutating func followAtOnce<Stream: EventStream & ~Copyable>(_ stream: inout Stream, upTo complete: UInt64) {
    while !plan.isDone {
      let limit = min(complete, edge ?? .max)
      _ = stream.release(before: limit) { consume($0) }
      guard tick(limit, &stream.names, loss: stream.loss, released: stream.released) else { break }
    }
  }

  /// Does what events up to `time`, ns, have shown to be needed.
  private mutating func lookAround(_ time: UInt64) {
    for change in aggregator.takeTargetChanges() {
      stacks?.apply(change)
      if change.kind == .ended, compatProcesses.contains(change.pid) { replaced.insert(change.pid) }
    }
    let unfiltered: [Int32]
    if settings.looksBack {
      unfiltered = tracker.follow(&lookout.aggregator)
      if !settings.followsChildren { children.follow(&lookout.aggregator) }
      // The lookout has told of them, and of changes only the session's own are of use.
      _ = aggregator.takeUnfiltered()
      _ = lookout.aggregator.takeTargetChanges()
    } else {
      unfiltered = tracker.follow(&aggregator)
      if !settings.followsChildren { children.follow(&aggregator) }
    }
    if !unfiltered.isEmpty { effects.append(.watch(unfiltered)) }
    if plan.isOpen { tracker.lookAtSilent(aggregator, isGated: settings.isGated) }
    if plan.isOpen { machineWatch?.follow(aggregator.livingProcesses) }
    causeFinder.note(aggregator.takeNewTasks())
    stacks?.discard(&aggregator, upTo: time)
    if gateWatch.wantsOpenGate { effects.append(.widenGate) }
  }

  mutating func readABI(of pid: Int32) {
    guard let abi = facts.abi(of: pid) else { return }
    aggregator.setABI(abi, of: pid)
    if settings.looksBack { lookout.aggregator.setABI(abi, of: pid) }
  }

  private mutating func collectSlowSyscalls() {
    for ended in aggregator.takeSlowSyscalls() {
      var slow = SlowSyscall(ended)
      causeFinder.names.note(slow.waits, &aggregator)
      stacks?.find(for: &slow, aggregator.returnAddresses)
      slowSyscalls.append(slow)
    }
  }
}
