package import TraceModel

/// Merges the per-CPU streams into one, in order of time.
///
/// The release rule: each CPU's stream is in order by itself, so the next event of all is the earliest of the heads. It
/// may be released once no CPU can still deliver an earlier one: whoever feeds the merger reads the clock, then drains
/// every CPU; all events before that clock reading (the watermark) are here. Released are runs, not events: as long as
/// one CPU's events come before the head of every other, they go out as one slice of its queue.
///
/// Invariant that makes the pointers sound: `queues` holds `cpuCount` initialised queues and this value is their only
/// owner; a released slice is used only inside the call.
package struct EventMerger: ~Copyable {
  private struct Queue: ~Copyable {
    var events = FlatArray<Event>(capacity: 4096)
    var head = 0
    /// Of the last event that came in, ns.
    var lastTimestamp: UInt64 = 0
  }

  private struct Head: BitwiseCopyable {
    var timestamp: UInt64
    var queue: Int
  }

  private let queues: UnsafeMutablePointer<Queue>
  private let cpuCount: Int
  private var heads: FlatArray<Head>
  /// Everything before this was released.
  package private(set) var watermark: UInt64 = 0
  /// Events that came after their time had been released; they are passed on at once.
  package private(set) var late: UInt64 = 0

  /// A merger of `cpuCount` streams, addressed by position.
  package init(cpuCount: Int) {
    self.cpuCount = cpuCount
    queues = .allocate(capacity: cpuCount)
    for position in 0..<cpuCount { (queues + position).initialize(to: Queue()) }
    heads = FlatArray(capacity: cpuCount)
  }

  deinit {
    queues.deinitialize(count: cpuCount)
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
    (0..<cpuCount).reduce(0) { $0 + queues[$1].events.count - queues[$1].head }
  }

  /// Passes on all events before `limit`, ns, in order, in runs. Events at `limit` stay.
  package mutating func release(before limit: UInt64, _ consume: (UnsafeBufferPointer<Event>) -> Void) {
    collectHeads(before: limit)
    while heads.count > 0 {
      let first = heads[0]
      // Up to the earliest head of the others, inclusive: at equal times either order will do.
      var bound = limit
      if heads.count > 1 { bound = min(bound, heads[1].timestamp &+ 1) }
      if heads.count > 2 { bound = min(bound, heads[2].timestamp &+ 1) }
      let next = releaseRun(of: first.queue, before: bound, consume)
      if let next, next < limit {
        heads[0].timestamp = next
      } else {
        removeFirstHead()
      }
      siftDown(0)
    }
    watermark = max(watermark, limit)
    for position in 0..<cpuCount { dropReleased(&queues[position]) }
  }

  /// Passes on one queue's events before `bound`, at least one. Returns the time of the event that is its head now.
  @inline(__always)
  private mutating func releaseRun(
    of position: Int, before bound: UInt64, _ consume: (UnsafeBufferPointer<Event>) -> Void
  ) -> UInt64? {
    let events = queues[position].events.elements
    let start = queues[position].head
    var end = start &+ 1
    while end < events.count, events[end].timestamp < bound { end &+= 1 }
    if events[start].timestamp < watermark {
      for index in start..<end where events[index].timestamp < watermark { late += 1 }
    }
    consume(UnsafeBufferPointer(rebasing: events[start..<end]))
    queues[position].head = end
    return end < events.count ? events[end].timestamp : nil
  }

  private func dropReleased(_ queue: inout Queue) {
    queue.events.removeFirst(queue.head)
    queue.head = 0
  }

  // MARK: A binary heap of the queues' heads, earliest first

  private mutating func collectHeads(before limit: UInt64) {
    heads.removeAll()
    for position in 0..<cpuCount {
      let head = queues[position].head
      guard head < queues[position].events.count else { continue }
      let timestamp = queues[position].events[head].timestamp
      if timestamp < limit { heads.append(Head(timestamp: timestamp, queue: position)) }
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
      if child &+ 1 < heads.count, heads[child &+ 1].timestamp < heads[child].timestamp { child &+= 1 }
      guard heads[child].timestamp < heads[parent].timestamp else { return }
      let moved = heads[parent]
      heads[parent] = heads[child]
      heads[child] = moved
      parent = child
    }
  }
}
