package import TraceModel

/// Finds intervals of threads that are longer than asked for, at their ends.
///
/// It looks at a thread right before the aggregator takes in an event of it. The aggregator never opens a window meanwhile, so
/// that what began in the past keeps its beginning. What the statistics of a window would count, is found; what was open
/// when events were lost, is not.
package struct IntervalFinder: ~Copyable {
  /// The most intervals that wait to be taken.
  private static let limit = 4096

  /// The length, ns, above which an interval of each kind is found; `.max` where none is.
  private var longerThan = InlineArray<9, UInt64>(repeating: .max)
  private var faults = FaultIntervals()
  private var found = FlatArray<FoundInterval>(capacity: 16)

  package init() {}

  /// Finds intervals of `kind` above `length`, ns, from now on; the shortest of several lengths counts.
  package mutating func find(_ kind: IntervalKind, longerThan length: UInt64) {
    longerThan[kind.rawValue] = min(longerThan[kind.rawValue], length)
  }

  /// Whether intervals of `kind` are found.
  package func finds(_ kind: IntervalKind) -> Bool { longerThan[kind.rawValue] != .max }

  /// Whether what was found has to be taken before more events are.
  package var isFull: Bool { found.count >= Self.limit }

  /// Hands over what was found, in the order of the ends.
  package mutating func take() -> [FoundInterval] {
    if found.count == 0 { return [] }
    defer { found.removeAll() }
    return Array(found.elements)
  }

  @inline(__always)
  private mutating func note(
    _ kind: IntervalKind, from start: UInt64, to end: UInt64, of thread: borrowing ThreadRecord, number: Int32 = 0
  ) {
    guard start != 0, end > start, end &- start > longerThan[kind.rawValue] else { return }
    add(kind, from: start, to: end, of: thread, number)
  }

  @inline(never)
  private mutating func add(
    _ kind: IntervalKind, from start: UInt64, to end: UInt64, of thread: borrowing ThreadRecord, _ number: Int32
  ) {
    found.append(
      FoundInterval(
        kind, pid: thread.pid, tid: thread.tid, name: thread.name, number: number, abi: thread.numbers.abi,
        start: start, end: end))
  }

  // MARK: At an event

  /// Finds what `event` ends. The aggregator has not taken it in yet.
  @inline(__always)
  mutating func look(at event: Event, _ threads: inout ThreadTable) {
    switch event.kind {
    case .syscallEnter: enter(event, &threads)
    case .syscallExit: leave(event, &threads)
    case .contextSwitch:
      if finds(.pageFault) { leaveCPU(event, &threads) }
      run(event, &threads)
    case .wakeup, .wakeupNew: wake(event, &threads)
    case .hardIRQExit: leaveHardIRQ(event, &threads)
    case .softIRQExit: leaveSoftIRQ(event, &threads)
    case .pageFault where finds(.pageFault): fault(event, &threads)
    case .exit where finds(.pageFault): endFault(of: event.subject, &threads)
    case .gapStart: faults.forgetAll()
    default: break
    }
  }

  @inline(__always)
  private mutating func enter(_ event: Event, _ threads: inout ThreadTable) {
    if finds(.pageFault) { endFault(of: event.tid, &threads) }
    guard finds(.longPoll) else { return }
    let thread = threads.find(event.tid)
    guard thread >= 0, threads.records[thread].scheduling != .dead,
      event.subject == threads.records[thread].numbers.poll
    else { return }
    note(.longPoll, from: threads.records[thread].lastPollEnd, to: event.timestamp, of: threads.records[thread])
  }

  @inline(__always)
  private mutating func leave(_ event: Event, _ threads: inout ThreadTable) {
    guard finds(.syscall) else { return }
    let thread = threads.find(event.tid)
    guard thread >= 0, threads.records[thread].scheduling != .dead, threads.records[thread].probeStart == 0 else {
      return
    }
    let number = threads.records[thread].syscallNumber
    // The exit of rt_sigreturn says -1.
    guard event.subject == number || event.subject == -1 else { return }
    note(
      .syscall, from: threads.records[thread].syscallStart, to: event.timestamp, of: threads.records[thread],
      number: number)
  }

  @inline(__always)
  private mutating func run(_ event: Event, _ threads: inout ThreadTable) {
    guard finds(.ready) else { return }
    let next = threads.find(event.subject)
    guard next >= 0, threads.records[next].scheduling == .ready else { return }
    note(.ready, from: threads.records[next].readyStart, to: event.timestamp, of: threads.records[next])
  }

  @inline(__always)
  private mutating func wake(_ event: Event, _ threads: inout ThreadTable) {
    let thread = threads.find(event.subject)
    guard thread >= 0 else { return }
    let (since, stop) = (threads.records[thread].since, threads.records[thread].stopStart)
    switch threads.records[thread].scheduling {
    case .interruptible: note(.blockedInterruptible, from: since, to: event.timestamp, of: threads.records[thread])
    case .uninterruptible: note(.blockedUninterruptible, from: since, to: event.timestamp, of: threads.records[thread])
    case .stopped: note(.stopped, from: stop, to: event.timestamp, of: threads.records[thread])
    default: break
    }
  }

  @inline(__always)
  private mutating func leaveHardIRQ(_ event: Event, _ threads: inout ThreadTable) {
    // A handler that says "not mine" is no interrupt.
    guard finds(.hardIRQ), event.detail != 0 else { return }
    let thread = threads.find(event.tid)
    guard thread >= 0, threads.records[thread].isAlive else { return }
    let depth = threads.records[thread].hardDepth - 1
    guard threads.records[thread].hardFrames.indices.contains(depth) else { return }
    let frame = threads.records[thread].hardFrames[depth]
    guard frame.irq == event.subject else { return }
    note(.hardIRQ, from: frame.start, to: event.timestamp, of: threads.records[thread])
  }

  @inline(__always)
  private mutating func leaveSoftIRQ(_ event: Event, _ threads: inout ThreadTable) {
    guard finds(.softIRQ) else { return }
    let thread = threads.find(event.tid)
    guard thread >= 0, threads.records[thread].isAlive, threads.records[thread].softVector == event.subject else {
      return
    }
    note(.softIRQ, from: threads.records[thread].softStart, to: event.timestamp, of: threads.records[thread])
  }

  // MARK: Page faults

  private mutating func fault(_ event: Event, _ threads: inout ThreadTable) {
    endFault(of: event.tid, &threads)
    if threads.find(event.tid) >= 0 { faults.begin(event.tid, at: event.timestamp) }
  }

  private mutating func leaveCPU(_ event: Event, _ threads: inout ThreadTable) {
    let state = event.detail & TaskState.reported
    faults.leaveCPU(event.tid, isBlocked: state & (TaskState.interruptible | TaskState.uninterruptible) != 0)
    faults.getCPU(event.subject, at: event.timestamp)
  }

  private mutating func endFault(of tid: Int32, _ threads: inout ThreadTable) {
    guard let (start, end) = faults.end(tid) else { return }
    let thread = threads.find(tid)
    guard thread >= 0 else { return }
    note(.pageFault, from: start, to: end, of: threads.records[thread])
  }

  /// Ends the faults whose threads have got a CPU after their last sleep in them: nothing else will tell that these are over.
  mutating func endFaults(_ threads: inout ThreadTable) {
    for tid in faults.slept { endFault(of: tid, &threads) }
  }

  // MARK: What is open

  /// Passes on the intervals of the kinds asked for that have not ended, as if they ended at `now`, ns, however short they are.
  func eachOpen(_ threads: borrowing ThreadTable, at now: UInt64, _ body: (FoundInterval) -> Void) {
    for position in 0..<threads.records.count where threads.records[position].isAlive {
      eachOpen(threads.records[position], at: now, body)
    }
  }

  private func eachOpen(_ thread: ThreadRecord, at now: UInt64, _ body: (FoundInterval) -> Void) {
    func pass(_ kind: IntervalKind, _ start: UInt64, number: Int32 = 0) {
      guard finds(kind), start != 0 else { return }
      body(
        FoundInterval(
          kind, pid: thread.pid, tid: thread.tid, name: thread.name, number: number, abi: thread.numbers.abi,
          start: start, end: max(start, now)))
    }
    switch thread.scheduling {
    case .ready: pass(.ready, thread.readyStart)
    case .interruptible: pass(.blockedInterruptible, thread.since)
    case .uninterruptible: pass(.blockedUninterruptible, thread.since)
    case .stopped: pass(.stopped, thread.stopStart)
    default: break
    }
    pass(.syscall, thread.syscallStart, number: thread.syscallNumber)
    pass(.longPoll, thread.lastPollEnd)
    if thread.hardDepth > 0 { pass(.hardIRQ, thread.hardFrames[0].start) }
    if thread.softDepth > 0 { pass(.softIRQ, thread.softStart) }
    if finds(.pageFault), let start = faults.start(of: thread.tid) { pass(.pageFault, start) }
  }
}

extension Aggregator {
  /// As `consume`, and finds the intervals that the events end. No window may be open.
  package mutating func consume(
    _ events: UnsafeBufferPointer<Event>, finding finder: inout IntervalFinder
  ) -> (count: Int, stops: Bool) {
    var position = 0
    while position < events.count, !finder.isFull {
      finder.look(at: events[position], &threads)
      let one = consume(UnsafeBufferPointer(rebasing: events[position...position]))
      position += 1
      if one.stops { return (position, true) }
    }
    return (position, finder.isFull)
  }

  /// Finds, at the end of all events, the page faults whose sleeps are over.
  package mutating func endPageFaults(of finder: inout IntervalFinder) { finder.endFaults(&threads) }

  /// The name of the target's thread `tid`; nil where it has none such.
  package mutating func name(of tid: Int32) -> NameID? {
    let thread = threads.find(tid)
    return thread >= 0 ? threads.records[thread].name : nil
  }

  /// Passes on the intervals that have not ended; see `IntervalFinder.eachOpen`.
  package func eachOpenInterval(of finder: borrowing IntervalFinder, at now: UInt64, _ body: (FoundInterval) -> Void) {
    finder.eachOpen(threads, at: now, body)
  }
}
