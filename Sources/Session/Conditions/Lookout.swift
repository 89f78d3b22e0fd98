internal import Aggregator
internal import TraceModel

/// What runs ahead of a session that makes windows of the past: it sees each event first, finds what windows are to be made of, and
/// keeps the events until the session has followed them.
struct Lookout: ~Copyable {
  /// Knows the threads as they are where the stream is. It never opens a window.
  var aggregator: Aggregator
  var finder: IntervalFinder
  var watch: ConditionWatch
  var retained: EventRetention
  /// The time before which all events were seen, ns.
  var followed: UInt64 = 0
  /// The time before which nothing is reported, ns.
  var begin: UInt64 = 0
  /// Whether reports begin with the command's exec, which has not come yet.
  var isWaitingForExec = false
  /// When the start trigger fired that no stop trigger has followed, ns, and whom it happened to.
  var startTrigger: (time: UInt64, tid: Int32)?
  /// Whether what was open at the end has been looked at.
  var hasEnded = false

  init(_ settings: SessionSettings) {
    aggregator = Aggregator(abi: settings.abi, followsChildren: settings.followsChildren, causes: .none)
    watch = ConditionWatch(settings.conditions)
    finder = watch.finder()
    retained = EventRetention(bytes: settings.looksBack ? settings.lookBackBytes : 0)
    isWaitingForExec = settings.isCommand
  }

  /// Takes in events of the stream before `limit`, ns, and keeps them. Returns the event that it stopped at: a trigger, an exec, or
  /// where there is no room for more, of events or of intervals.
  mutating func take<Stream: EventStream & ~Copyable>(_ stream: inout Stream, before limit: UInt64) -> Event? {
    stream.release(before: limit) { events in
      let taken = aggregator.consume(
        UnsafeBufferPointer(rebasing: events.prefix(retained.room)), finding: &finder)
      retained.append(UnsafeBufferPointer(rebasing: events.prefix(taken.count)))
      return (taken.count, taken.stops || retained.room == 0)
    }
  }

  /// The intervals that have ended since this was called last, each with the conditions that it meets, in the order of the ends.
  mutating func takeFound(_ names: borrowing NameTable) -> [Occurrence] {
    var occurrences: [Occurrence] = []
    for interval in finder.take() where interval.end > begin && !isWaitingForExec {
      for condition in watch.met(by: interval, names) { occurrences.append(Occurrence(interval, condition)) }
    }
    return occurrences
  }

  /// The intervals that have not ended and are longer than conditions ask for, at the end of the capture.
  mutating func takeOpen(_ names: borrowing NameTable) -> [Occurrence] {
    aggregator.endPageFaults(of: &finder)
    var occurrences = takeFound(names)
    var open: [FoundInterval] = []
    aggregator.eachOpenInterval(of: finder, at: followed) { open.append($0) }
    for interval in open where !isWaitingForExec {
      for condition in watch.met(by: interval, names) {
        occurrences.append(Occurrence(interval, condition, hasEnded: false))
      }
    }
    return occurrences
  }

  /// When the oldest of the intervals began that have not ended and may come to be what a condition asks for, ns; `followed` where
  /// there is none.
  mutating func oldestOpen(_ names: borrowing NameTable) -> UInt64 {
    var oldest = startTrigger?.time ?? followed
    var open: [FoundInterval] = []
    aggregator.eachOpenInterval(of: finder, at: followed) { interval in
      // Names are compared only of those that would change the answer.
      if interval.start < oldest { open.append(interval) }
    }
    for interval in open where interval.start < oldest && watch.concerns(interval, names) { oldest = interval.start }
    return oldest
  }

  /// The threads of which no event has told until now.
  var silentThreads: Set<Int32> { Set(aggregator.silentThreads.map(\.tid)) }
}

extension Occurrence {
  init(_ interval: FoundInterval, _ condition: String, hasEnded: Bool = true) {
    self.init(
      condition: condition, pid: interval.pid, tid: interval.tid, name: interval.name, start: interval.start,
      end: interval.end, hasEnded: hasEnded)
  }
}
