internal import TraceModel

/// The events that the session has not followed yet, oldest first, in memory of a fixed size.
///
/// The pages of memory are taken as they are needed, and the first ones again whenever nothing is left: a session that stays
/// close behind takes little, and finds it in the CPU's cache.
///
/// Invariant that makes the pointer sound: `events` has room for `capacity` events, of which the `count` from `first` on, wrapping
/// at the end, are initialised; this value is its only owner.
struct EventRetention: ~Copyable {
  private let events: UnsafeMutablePointer<Event>
  /// The most events that are kept.
  let capacity: Int
  private var first = 0
  /// The number of events that are kept.
  private(set) var count = 0

  /// Keeps events in `bytes` of memory.
  init(bytes: Int) {
    capacity = max(bytes / MemoryLayout<Event>.stride, 1)
    events = .allocate(capacity: capacity)
  }

  deinit { events.deallocate() }

  /// The number of events that there is room for.
  var room: Int { capacity - count }

  /// The time of the kept event at `index`, from the oldest on, ns.
  func time(at index: Int) -> UInt64 { events[position(index)].timestamp }

  @inline(__always)
  private func position(_ index: Int) -> Int {
    let position = first + index
    return position < capacity ? position : position - capacity
  }

  /// Keeps events for which there is room.
  mutating func append(_ new: UnsafeBufferPointer<Event>) {
    precondition(new.count <= room, "there is no room for the events")
    guard let source = new.baseAddress else { return }
    let start = position(count)
    let untilWrap = min(new.count, capacity - start)
    (events + start).update(from: source, count: untilWrap)
    events.update(from: source + untilWrap, count: new.count - untilWrap)
    count += new.count
  }

  /// The oldest events, up to the first one at or after `limit`, ns, as far as they lie side by side; some thousand at most. They
  /// can be used until the next change.
  func run(before limit: UInt64) -> UnsafeBufferPointer<Event> {
    let most = min(count, capacity - first, 4096)
    var length = 0
    while length < most, events[first + length].timestamp < limit { length += 1 }
    return UnsafeBufferPointer(start: events + first, count: length)
  }

  /// Forgets the oldest `number` events.
  mutating func drop(_ number: Int) {
    count -= number
    first = count == 0 ? 0 : position(number)
  }
}
