internal import TraceModel

/// A binary heap of events that are next in their queues, the earliest first.
struct MergeHeap: ~Copyable {
  struct Entry: BitwiseCopyable {
    /// What orders the entries: the event's time stamp (a clock of 63 bits: 292 years) and the queue's tag.
    var key: UInt64
    var queue: Int
  }

  private var entries: FlatArray<Entry>

  init(capacity: Int) { entries = FlatArray(capacity: capacity) }

  /// The entry of the earliest event; nil where there is none.
  var first: Entry? {
    @inline(__always) get { entries.count > 0 ? entries[0] : nil }
  }

  /// The key of the entry after the first one; nil where there is none.
  var secondKey: UInt64? {
    @inline(__always)
    get {
      if entries.count > 2 { return min(entries[1].key, entries[2].key) }
      return entries.count > 1 ? entries[1].key : nil
    }
  }

  mutating func removeAll() { entries.removeAll() }

  /// Adds an entry, of a queue that has one; `order` has to follow.
  mutating func add(_ key: UInt64?, queue: Int) {
    if let key { entries.append(Entry(key: key, queue: queue)) }
  }

  mutating func order() {
    for position in stride(from: entries.count / 2 - 1, through: 0, by: -1) { siftDown(position) }
  }

  /// The first entry's queue goes on to its next event, or has none.
  @inline(__always)
  mutating func replaceFirst(by key: UInt64?) {
    if let key {
      entries[0].key = key
    } else {
      let last = entries.removeLast()
      if entries.count > 0 { entries[0] = last }
    }
    siftDown(0)
  }

  @inline(__always)
  private mutating func siftDown(_ start: Int) {
    var parent = start
    while true {
      var child = 2 &* parent &+ 1
      guard child < entries.count else { return }
      if child &+ 1 < entries.count, entries[child &+ 1].key < entries[child].key { child &+= 1 }
      guard entries[child].key < entries[parent].key else { return }
      let moved = entries[parent]
      entries[parent] = entries[child]
      entries[child] = moved
      parent = child
    }
  }
}
