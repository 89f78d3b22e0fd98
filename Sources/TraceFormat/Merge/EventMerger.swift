package import TraceModel

/// Merges the per-CPU streams into one, in order of time.
///
/// The release rule: each CPU's stream is in order by itself, so the next event of all is the earliest of the heads. It
/// may be released once no CPU can still deliver an earlier one: whoever feeds the merger reads the clock, then drains
/// every CPU; all events before that clock reading (the watermark) are here. Released are runs, not events: as long as
/// one CPU's events come before the head of every other, they go out as one slice of its queue. Of events at the same
/// nanosecond those of a trigger stream come first: what happens at the instant of a trigger is on its far side.
///
/// Whoever takes a slice may stop inside it; the next release goes on from there.
///
/// Invariant that makes the pointers sound: `queues` holds `streamCount` initialised queues and this value is their only
/// owner; a released slice is used only inside the call.
package struct EventMerger: ~Copyable {
  private struct Queue: ~Copyable {
    var events = FlatArray<Event>(capacity: 4096)
    var head = 0
    /// 0 for a trigger stream, 1 for any other: the lowest bit of its events' keys.
    var tag: UInt64
    /// Of the last event that came in, ns.
    var lastTimestamp: UInt64 = 0
  }

  private struct Head: BitwiseCopyable {
    /// Timestamp (a clock of 63 bits: 292 years) and the queue's tag; orders the heads.
    var key: UInt64
    var queue: Int
  }

  private let queues: UnsafeMutablePointer<Queue>
  private let streamCount: Int
  private var heads: FlatArray<Head>
  /// Everything before this was released.
  package private(set) var watermark: UInt64 = 0
  /// Events that came after their time had been released; they are passed on at once.
  package private(set) var late: UInt64 = 0

  /// A merger of streams addressed by position: `dataStreams` of them, then `triggerStreams`.
  package init(dataStreams: Int, triggerStreams: Int = 0) {
    streamCount = dataStreams + triggerStreams
    queues = .allocate(capacity: streamCount)
    for position in 0..<streamCount {
      (queues + position).initialize(to: Queue(tag: position < dataStreams ? 1 : 0))
    }
    heads = FlatArray(capacity: streamCount)
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

  /// Events that wait.
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
    while heads.count > 0 {
      let first = heads[0]
      let tag = queues[first.queue].tag
      // Up to the earliest head of the others, inclusive unless that is a trigger's.
      var bound = limit
      if heads.count > 1 { bound = min(bound, (heads[1].key &- tag) &>> 1 &+ 1) }
      if heads.count > 2 { bound = min(bound, (heads[2].key &- tag) &>> 1 &+ 1) }
      if let stop = releaseRun(of: first.queue, before: bound, consume) {
        dropReleased()
        return stop
      }
      let head = queues[first.queue].head
      let next = head < queues[first.queue].events.count ? queues[first.queue].events[head].timestamp : .max
      if next < limit {
        heads[0].key = next &<< 1 | tag
      } else {
        removeFirstHead()
      }
      siftDown(0)
    }
    watermark = max(watermark, limit)
    dropReleased()
    return nil
  }

  /// Passes on one queue's events before `bound`, at least one. Returns the last that was taken, if that was a stop.
  @inline(__always)
  private mutating func releaseRun(
    of position: Int, before bound: UInt64, _ consume: (UnsafeBufferPointer<Event>) -> (count: Int, stops: Bool)
  ) -> Event? {
    let events = queues[position].events.elements
    let start = queues[position].head
    var end = start &+ 1
    while end < events.count, events[end].timestamp < bound { end &+= 1 }
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
      queues[position].head = 0
    }
  }

  // MARK: A binary heap of the queues' heads, earliest first

  private mutating func collectHeads(before limit: UInt64) {
    heads.removeAll()
    for position in 0..<streamCount {
      let head = queues[position].head
      guard head < queues[position].events.count else { continue }
      let timestamp = queues[position].events[head].timestamp
      if timestamp < limit { heads.append(Head(key: timestamp &<< 1 | queues[position].tag, queue: position)) }
    }
    for position in stride(from: heads.count / 2 - 1, through: 0, by: -1) { siftDown(position) }
  }

  private mutating func removeFirstHead() {
    let last = heads.removeLast()
    if heads.count > 0 { heads[0] = last }
  }

  @inline(__always)
  private mutating func siftDown(_ start: Int) {
    var parent = start
    while true {
      var child = 2 &* parent &+ 1
      guard child < heads.count else { return }
      if child &+ 1 < heads.count, heads[child &+ 1].key < heads[child].key { child &+= 1 }
      guard heads[child].key < heads[parent].key else { return }
      let moved = heads[parent]
      heads[parent] = heads[child]
      heads[child] = moved
      parent = child
    }
  }
}
