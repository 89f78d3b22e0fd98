package import TraceModel

/// Merges the per-CPU streams into one, in order of time.
///
/// The release rule: each CPU's stream is in order by itself, so the next event of all is the earliest of the heads. It
/// may be released once no CPU can still deliver an earlier one: whoever feeds the merger reads the clock, then drains
/// every CPU; all events before that clock reading (the watermark) are here. Released are runs, not events: as long as
/// one CPU's events come before the head of every other, they go out as one slice of its queue. Of events at the same
/// nanosecond those of a trigger stream come first: what happens at the instant of a trigger is on its far side.
///
/// On busy CPUs such runs are short, an event or two, and whose turn it is cannot be predicted. But most events tell of the
/// task that their CPU runs, and of nothing else (`EventKind.isLocal`). Between two events that tell of more, whichever CPU
/// they are of, no task moves to another CPU: the order of two CPUs' local events changes nothing, and each CPU's go out
/// as one run. `keepsTotalOrder` says that the order is wanted nevertheless. Where switches and wake-ups are many, the runs are
/// short either way: then the other events are looked for in few releases only, to see whether that has changed.
///
/// Whoever takes a slice may stop inside it; the next release goes on from there.
///
/// Invariant that makes the pointers sound: `queues` holds `streamCount` initialised queues and this value is their only
/// owner; a released slice is used only inside the call.
package struct EventMerger: ~Copyable {
  private struct Queue: ~Copyable {
    var events = FlatArray<Event>(capacity: 4096)
    var head = 0
    /// The end of the local events that begin at `head`: behind it is an event that is not local, or what has not been looked at
    /// yet.
    var barrier = 0
    /// The lowest bit of the keys of the stream's events: 0 for a trigger stream, 1 for any other.
    var tag: UInt64
    /// The time of the last event that came in, ns.
    var lastTimestamp: UInt64 = 0
  }

  private let queues: UnsafeMutablePointer<Queue>
  private let streamCount: Int
  private let keepsTotalOrder: Bool
  /// Whether local events go out as one run, in this release.
  private var groupsLocalEvents = false
  private var releases = 0
  /// Whether that made long runs when it was looked at last, and what has been released so since then.
  private var groupingPays = true
  private var grouped = (runs: 0, events: 0)
  /// The next event of each queue.
  private var heads: MergeHeap
  /// The next event of each queue that is not local.
  private var barriers: MergeHeap
  /// The time before which everything was released, ns.
  package private(set) var watermark: UInt64 = 0
  /// The number of events that came after their time had been released; they are passed on at once.
  package private(set) var late: UInt64 = 0

  /// A merger of streams addressed by position: `dataStreams` of them, then `triggerStreams`. `keepsTotalOrder`: events of
  /// different CPUs come in the order of time even where they have nothing to do with each other.
  package init(dataStreams: Int, triggerStreams: Int = 0, keepsTotalOrder: Bool = true) {
    self.keepsTotalOrder = keepsTotalOrder
    streamCount = dataStreams + triggerStreams
    queues = .allocate(capacity: streamCount)
    for position in 0..<streamCount {
      (queues + position).initialize(to: Queue(tag: position < dataStreams ? 1 : 0))
    }
    heads = MergeHeap(capacity: streamCount)
    barriers = MergeHeap(capacity: streamCount)
  }

  deinit {
    queues.deinitialize(count: streamCount)
    queues.deallocate()
  }

  /// Lets `decode` append events to the stream at `position`.
  @inline(__always)
  package mutating func append<Result>(
    to position: Int, _ decode: (inout FlatArray<Event>) -> Result
  ) -> Result {
    let result = decode(&queues[position].events)
    let count = queues[position].events.count
    if count > 0 { queues[position].lastTimestamp = queues[position].events[count - 1].timestamp }
    return result
  }

  /// Time of the last event that the stream at `position` has had, ns; 0 before the first.
  package func lastTimestamp(at position: Int) -> UInt64 { queues[position].lastTimestamp }

  /// The number of events that wait.
  package var pending: Int {
    (0..<streamCount).reduce(0) { $0 + queues[$1].events.count - queues[$1].head }
  }

  /// Passes on events before `limit`, ns, in order, in runs; `consume` says how many of a run it took. Returns the last
  /// one it took where it left some or took an event that it wants to stop at; nil when all before `limit` are gone.
  /// Events at `limit` stay.
  package mutating func release(
    before limit: UInt64, _ consume: (UnsafeBufferPointer<Event>) -> (count: Int, stops: Bool)
  ) -> Event? {
    collectHeads(before: limit)
    var (runs, released) = (0, 0)
    defer { if groupsLocalEvents { noteGrouping(runs, released) } }
    while let first = heads.first {
      let start = queues[first.queue].head
      let end = endOfRun(first, before: limit)
      if let stop = releaseRun(of: first.queue, upTo: end, consume) {
        dropReleased()
        return stop
      }
      let head = queues[first.queue].head
      runs &+= 1
      released &+= end &- start
      if groupsLocalEvents, head > queues[first.queue].barrier { passBarrier(of: first.queue, before: limit) }
      heads.replaceFirst(by: key(of: first.queue, at: head, before: limit))
    }
    watermark = max(watermark, limit)
    dropReleased()
    return nil
  }

  private mutating func noteGrouping(_ runs: Int, _ events: Int) {
    grouped.runs &+= runs
    grouped.events &+= events
    // A few events say little: a release that ends at a trigger, or of a CPU that is idle.
    guard grouped.events >= 4096 else { return }
    groupingPays = grouped.events >= 4 &* grouped.runs
    grouped = (0, 0)
  }

  /// Where the run ends that begins with the first of all heads.
  @inline(__always)
  private func endOfRun(_ first: MergeHeap.Entry, before limit: UInt64) -> Int {
    let events = queues[first.queue].events.elements
    let start = queues[first.queue].head
    // Up to the next event, of all queues, that is not local.
    if groupsLocalEvents {
      let horizon = barriers.first.map { $0.key &>> 1 } ?? limit
      if start < queues[first.queue].barrier, first.key &>> 1 < horizon {
        return Self.partitionPoint(events, start &+ 1, queues[first.queue].barrier, before: horizon)
      }
    }
    // Up to the earliest head of the others, inclusive unless that is a trigger's.
    let tag = queues[first.queue].tag
    var bound = limit
    if let second = heads.secondKey { bound = min(bound, (second &- tag) &>> 1 &+ 1) }
    var end = start &+ 1
    while end < events.count, events[end].timestamp < bound { end &+= 1 }
    return end
  }

  /// The first of the events in `start..<end`, which are in order, at or after `time`; `end` where there is none.
  @inline(__always)
  private static func partitionPoint(
    _ events: UnsafeBufferPointer<Event>, _ start: Int, _ end: Int, before time: UInt64
  ) -> Int {
    if events[end &- 1].timestamp < time { return end }
    var (low, high, step) = (start, start, 1)
    while high < end, events[high].timestamp < time {
      low = high &+ 1
      high &+= step
      step &*= 2
    }
    high = min(high, end)
    while low < high {
      let middle = (low &+ high) / 2
      if events[middle].timestamp < time { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// Passes on one queue's events up to `end`. Returns the last that was taken, if that was a stop.
  @inline(__always)
  private mutating func releaseRun(
    of position: Int, upTo end: Int, _ consume: (UnsafeBufferPointer<Event>) -> (count: Int, stops: Bool)
  ) -> Event? {
    let events = queues[position].events.elements
    let start = queues[position].head
    let (count, stops) = consume(UnsafeBufferPointer(rebasing: events[start..<end]))
    if events[start].timestamp < watermark {
      for index in start..<start + count where events[index].timestamp < watermark { late += 1 }
    }
    queues[position].head = start + count
    return stops ? events[start + count - 1] : nil
  }

  /// Frees what was released, once it is the larger part: whoever stops often shall not pay for the rest each time.
  private func dropReleased() {
    for position in 0..<streamCount where queues[position].head * 2 >= queues[position].events.count {
      queues[position].events.removeFirst(queues[position].head)
      queues[position].barrier = max(queues[position].barrier - queues[position].head, 0)
      queues[position].head = 0
    }
  }

  // MARK: The next event of each queue

  private mutating func collectHeads(before limit: UInt64) {
    heads.removeAll()
    barriers.removeAll()
    releases &+= 1
    groupsLocalEvents = !keepsTotalOrder && (groupingPays || releases % 16 == 0)
    for position in 0..<streamCount {
      heads.add(key(of: position, at: queues[position].head, before: limit), queue: position)
      guard groupsLocalEvents else { continue }
      findBarrier(of: position)
      barriers.add(barrierKey(of: position, before: limit), queue: position)
    }
    heads.order()
    barriers.order()
  }

  /// What orders the event at `index`; nil where there is none before `limit`.
  @inline(__always)
  private func key(of position: Int, at index: Int, before limit: UInt64) -> UInt64? {
    guard index < queues[position].events.count else { return nil }
    let timestamp = queues[position].events[index].timestamp
    return timestamp < limit ? timestamp &<< 1 | queues[position].tag : nil
  }

  /// What orders the event at the barrier. One with a time before that of the event before it does not come before that.
  @inline(__always)
  private func barrierKey(of position: Int, before limit: UInt64) -> UInt64? {
    let barrier = queues[position].barrier
    guard let key = key(of: position, at: barrier, before: limit) else { return nil }
    guard barrier > queues[position].head else { return key }
    guard let before = self.key(of: position, at: barrier &- 1, before: limit) else { return nil }
    return max(key, before)
  }

  /// Goes on to the next event that is not local.
  @inline(__always)
  private func findBarrier(of position: Int) {
    let events = queues[position].events.elements
    var barrier = max(queues[position].barrier, queues[position].head)
    while barrier < events.count, events[barrier].kind.isLocal { barrier &+= 1 }
    queues[position].barrier = barrier
  }

  /// The queue has released the event at its barrier.
  @inline(__always)
  private mutating func passBarrier(of position: Int, before limit: UInt64) {
    findBarrier(of: position)
    let key = barrierKey(of: position, before: limit)
    // It was the first of all, unless a stream is not in order.
    if barriers.first?.queue == position {
      barriers.replaceFirst(by: key)
    } else {
      barriers.removeAll()
      for position in 0..<streamCount {
        barriers.add(barrierKey(of: position, before: limit), queue: position)
      }
      barriers.order()
    }
  }
}
