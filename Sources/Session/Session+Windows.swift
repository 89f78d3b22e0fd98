internal import Aggregator
package import TraceModel

// Windows open and close by triggers and by time.
extension Session {
  // MARK: Triggers

  /// What the aggregator stopped at: a trigger, or an exec, which can change the numbering of the syscalls after it.
  mutating func act(on event: Event, released: UInt64, _ names: borrowing NameTable, _ loss: Loss) {
    for pid in aggregator.takeExecs() {
      if compatProcesses.contains(pid) { replaced.insert(pid) }
      // Of a program that ran some time ago the lookout has asked.
      if !settings.looksBack { readABI(of: pid) }
    }
    guard event.kind.isTrigger else { return }
    let isUserSpace = trigger(event.kind)?.isUserSpace ?? false
    // The pid filter follows forks into processes of their own, and knows nothing where other triggers are for anybody.
    if isUserSpace, !Self.isThread(event.tid, &aggregator, &strangers, facts) { return }
    // What comes late belongs to where the stream is.
    let time = max(event.timestamp, released)
    let step = plan.step(on: event.kind, at: time)
    if isUserSpace, step != .nothing { aggregator.isInUserMode(event.tid, at: time) }
    gateWatch.note(event)
    if step != .nothing { hasSeenTrigger = true }
    perform(step, at: time, trigger: event, names, loss)
    if isUserSpace, step == .open || step == .closeAndOpen { aggregator.isInUserMode(event.tid, at: time) }
  }

  /// Whether `tid` is a thread of the target, which events may not have told of yet.
  static func isThread(
    _ tid: Int32, _ aggregator: inout Aggregator, _ strangers: inout Set<Int32>, _ facts: any TargetFacts
  ) -> Bool {
    if aggregator.isThread(tid) { return true }
    if aggregator.children.isThread(tid) || strangers.contains(tid) { return false }
    if aggregator.livingProcesses.contains(where: { facts.hasThread(tid, of: $0) }) { return true }
    strangers.insert(tid)
    return false
  }

  /// The trigger of a kind. `closing`: it ended a window.
  func trigger(_ kind: EventKind, closing: Bool = false) -> SessionSettings.TriggerText? {
    closing || kind == .stopTrigger ? settings.stopTrigger : settings.startTrigger
  }

  mutating func perform(
    _ step: WindowPlan.Step, at time: UInt64, trigger: Event?, _ names: borrowing NameTable, _ loss: Loss
  ) {
    switch step {
    case .open: openWindow(at: time, trigger, loss)
    case .close: closeWindow(at: time, trigger, names, loss)
    case .closeAndOpen:
      closeWindow(at: time, trigger, names, loss)
      openWindow(at: time, trigger, loss)
    case .nothing: break
    }
  }

  // MARK: Windows

  mutating func noteOpening(_ loss: Loss) {
    lossBefore = loss
    machineWatch?.open(aggregator.livingProcesses)
    compatProcesses.subtract(replaced)
    replaced = []
  }

  private mutating func openWindow(at time: UInt64, _ trigger: Event?, _ loss: Loss) {
    noteOpening(loss)
    openingTrigger = trigger.flatMap { self.trigger($0.kind)?.text }
    children.settle(&aggregator)
    aggregator.startWindow(at: time, forgettingModes: gateWatch.opened(by: trigger, closesGate: gateCloses))
    plan.opened(at: time)
    causeFinder.startWindow()
  }

  private mutating func closeWindow(at time: UInt64, _ trigger: Event?, _ names: borrowing NameTable, _ loss: Loss) {
    tracker.settleSilent(
      &aggregator, isGated: settings.isGated, known: settings.looksBack ? silentToThisDay : nil)
    let snapshot = aggregator.finishWindow(at: time)
    let counts = trigger == nil || !plan.isTooShort(from: snapshot.start, to: time)
    compatProcesses.formUnion(snapshot.processesWithCompatCalls)
    compatProcesses.formUnion(slowSyscalls.filter { $0.isCompat == true }.map(\.call.pid))
    noteName(names)
    // Lost events are the window's by their place in the stream; the rest is known by the time of reading only.
    var loss = loss.since(lossBefore)
    loss.eventsByCPU = snapshot.lostEvents
    var result = WindowResult(
      target: settings.first.pid, targetName: targetName, index: plan.index, snapshot: snapshot, loss: loss,
      names: copy names, clock: facts.clock)
    result.isTooShort = !counts
    result.startTrigger = openingTrigger
    result.stopTrigger = trigger.flatMap { self.trigger($0.kind, closing: true)?.text }
    if settings.looksBack { plan.takeRequest(into: &result) }
    result.gatingIsUncertain = gateWatch.isUncertain
    result.uncertainProcesses = compatProcesses
    result.recordingCost = settings.recordingCost
    result.notRecorded = settings.notRecorded
    result.slowSyscalls = slowSyscalls
    result.wakers = causeFinder.names.names
    result.machine = machine
    findCauses(&result)
    result.stacks = stacks?.closeWindow()
    if settings.countsUpcalls {
      result.missedUpcalls = missedUpcalls
      missedUpcalls = 0
    }
    slowSyscalls.removeAll(keepingCapacity: true)
    plan.closed(at: time, counts: counts)
    effects.append(.closed(result))
  }

  /// What the machine did in the window that closes.
  private var machine: MachineObservation {
    var machine = machineWatch?.close(aggregator.livingProcesses) ?? MachineObservation()
    machine.isRecorded = settings.recordsCauses
    machine.missing = settings.missingCauses
    if settings.recordsCauses, settings.looksBack {
      machine.missing.append(
        "what control groups and freezers did, and pressure, is not known of a window that is made after it is over")
    }
    return machine
  }

  /// Takes over the first thread's name, which an exec or the thread itself can have changed. One that ended in an earlier
  /// window keeps the name that it had.
  package mutating func noteName(_ names: borrowing NameTable) {
    if let name = aggregator.processName(of: settings.first.pid) { targetName = names[name] }
  }
}
