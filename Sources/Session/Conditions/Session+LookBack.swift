internal import Aggregator
internal import TraceModel

// Windows of the past. The lookout takes events in as they come and finds what a window is to be made of; the session follows
// behind, by what is kept. Where nothing is open that a condition may ask for, it follows at once; else it stays before the
// begin of that, as long as there is memory. What has to go is followed first, so that the session's state is exact wherever it
// stands: only a window that begins before that cannot be had any more in full.
extension Session {
  /// The most windows that wait to be made before they are.
  private static let mostRequests = 1024

  /// Takes in all events before `complete`, ns, and makes the windows that are due.
  mutating func followBehind<Stream: EventStream & ~Copyable>(_ stream: inout Stream, upTo complete: UInt64) {
    let end = min(complete, plan.cut ?? .max)
    var isBehind = true
    while isBehind, !plan.isDone {
      let limit = min(end, tracker.edgeAhead ?? .max)
      let stop = lookout.take(&stream, before: limit)
      lookout.followed = max(lookout.followed, stop?.timestamp ?? limit)
      request(lookout.takeFound(stream.names))
      if let stop {
        actAhead(on: stop, stream.names)
        makeRoom(&stream)
      } else if let edge = tracker.edgeAhead, edge <= limit {
        tracker.reachAhead(&lookout.aggregator, &stream.names)
      } else {
        isBehind = false
      }
    }
    if plan.isDone { return }
    let isOver = plan.cut.map { lookout.followed >= $0 } ?? false
    if isOver, !lookout.hasEnded {
      lookout.hasEnded = true
      request(lookout.takeOpen(stream.names))
    }
    followKept(&stream, upTo: isOver ? lookout.followed : farthest(stream.names))
  }

  /// How far the session may follow without missing the begin of a window that may be asked for, ns.
  private mutating func farthest(_ names: borrowing NameTable) -> UInt64 {
    var farthest = lookout.followed
    if !settings.conditions.isEmpty {
      let oldest = lookout.oldestOpen(names)
      farthest = oldest - min(oldest, settings.before)
    }
    if let length = settings.lookBack { farthest = min(farthest, lookout.followed - min(lookout.followed, length)) }
    // Whatever comes, no window begins before the end of the latest one, once nothing more belongs to that.
    let end = plan.requests.lastEnd
    return lookout.followed >= end ? max(farthest, end) : farthest
  }

  /// Follows what has no room any more, or windows of which many are due.
  private mutating func makeRoom<Stream: EventStream & ~Copyable>(_ stream: inout Stream) {
    if plan.requests.count >= Self.mostRequests { followKept(&stream, upTo: farthest(stream.names)) }
    while lookout.retained.room == 0, !plan.isDone {
      // A quarter at once: so the session is not asked for each event.
      let time = lookout.retained.time(at: lookout.retained.capacity / 4)
      followKept(&stream, upTo: max(time, lookout.retained.time(at: 0) + 1))
    }
  }

  /// Follows the kept events before `limit`, ns, opening and closing windows on the way.
  private mutating func followKept<Stream: EventStream & ~Copyable>(_ stream: inout Stream, upTo limit: UInt64) {
    silentToThisDay = plan.requests.count > 0 ? knownSilent : []
    while !plan.isDone {
      let due = min(limit, edge ?? .max)
      consumeKept(before: due)
      guard tick(due, &stream.names, loss: stream.loss, released: 0) else { break }
    }
  }

  private mutating func consumeKept(before limit: UInt64) {
    while stop == nil {
      let run = lookout.retained.run(before: limit)
      if run.isEmpty { return }
      lookout.retained.drop(consume(run).count)
    }
  }

  /// The threads that are as silent where the stream is as they are where the session is: what /proc shows now is true there too.
  private var knownSilent: Set<Int32> {
    lookout.aggregator.gapCount == aggregator.gapCount ? lookout.silentThreads : []
  }

  // MARK: What windows are made of

  private mutating func request(_ occurrences: [Occurrence]) {
    for occurrence in occurrences {
      // A window does not hold what happens at its end, and is to hold what ends the interval.
      request(
        from: occurrence.start - min(occurrence.start, settings.before), to: occurrence.end + settings.after + 1,
        for: occurrence)
    }
  }

  private mutating func request(from start: UInt64, to end: UInt64, for occurrence: Occurrence) {
    plan.requests.add(
      from: max(start, lookout.begin), to: end, for: occurrence, kept: max(reached, lookout.begin),
      isFirstOpen: plan.isOpen)
  }

  /// What the lookout stopped at: a trigger, or an exec.
  private mutating func actAhead(on event: Event, _ names: borrowing NameTable) {
    for pid in lookout.aggregator.takeExecs() {
      if let abi = facts.abi(of: pid) {
        lookout.aggregator.setABI(abi, of: pid)
        tracker.learn(abi, of: pid, since: event.timestamp + 1)
      }
      if lookout.isWaitingForExec, pid == settings.first.pid {
        (lookout.isWaitingForExec, lookout.begin) = (false, event.timestamp)
      }
    }
    guard event.kind.isTrigger, !lookout.isWaitingForExec else { return }
    let text = trigger(event.kind)
    if text?.isUserSpace ?? false, !Self.isThread(event.tid, &lookout.aggregator, &strangers, facts) { return }
    hasSeenTrigger = true
    if event.kind != .startTrigger { stopTrigger(event, names) }
    if event.kind == .startStopTrigger || event.kind == .startTrigger && lookout.startTrigger == nil {
      lookout.startTrigger = (event.timestamp, event.tid)
    }
  }

  private mutating func stopTrigger(_ event: Event, _ names: borrowing NameTable) {
    if let start = lookout.startTrigger {
      let name = lookout.aggregator.name(of: start.tid)
      let length = event.timestamp - min(start.time, event.timestamp)
      for condition in lookout.watch.met(byWindow: length, of: name.map { names[$0] } ?? "") {
        let occurrence = Occurrence(
          condition: condition, pid: 0, tid: 0, name: 0, start: start.time, end: event.timestamp)
        request(
          from: start.time - min(start.time, settings.before), to: event.timestamp + settings.after, for: occurrence)
      }
      lookout.startTrigger = nil
    }
    guard let length = settings.lookBack, let text = settings.stopTrigger?.text else { return }
    let start = event.timestamp - min(event.timestamp, length)
    if settings.after == 0 {
      plan.requests.add(
        from: max(start, lookout.begin), to: event.timestamp, stopTrigger: text, kept: max(reached, lookout.begin))
    } else {
      let occurrence = Occurrence(
        condition: text, pid: 0, tid: 0, name: 0, start: event.timestamp, end: event.timestamp)
      request(from: start, to: event.timestamp + settings.after, for: occurrence)
    }
  }
}
