/// Which samples belong to which thread, in order of time: doubly linked chains of small indices in flat arrays.
///
/// A thread has an entry as long as it has a sample. Entries are found through a hash table of chains, which, unlike
/// open addressing, forgets an entry without a trace.
///
/// Invariant that makes the pointers sound: `links` and `threads` hold `capacity` elements each, `buckets` `bucketMask` + 1;
/// indices come from the caller as slots below `capacity`, used by one sample at a time; there are never more threads than
/// samples.
struct ThreadChains: ~Copyable {
  private struct Link: BitwiseCopyable {
    var timestamp: UInt64 = 0
    var previous: Int32 = -1
    var next: Int32 = -1
  }

  private struct Thread: BitwiseCopyable {
    var tid: Int32 = 0
    var first: Int32 = -1
    var last: Int32 = -1
    var count: Int32 = 0
    /// The next entry of the same bucket, or of the free ones.
    var chained: Int32 = -1
  }

  private let links: UnsafeMutablePointer<Link>
  private let threads: UnsafeMutablePointer<Thread>
  private let buckets: UnsafeMutablePointer<Int32>
  private let bucketMask: Int
  private var freeThread: Int32 = -1
  private var threadsUsed = 0
  /// The thread that is taken from while its count is above the floor.
  private var longest = 0
  private var longestFloor = Int32.max

  /// An upper bound of what one sample takes, bytes.
  static let bytesPerSample = MemoryLayout<Link>.stride + MemoryLayout<Thread>.stride + 4 * MemoryLayout<Int32>.stride

  init(capacity: Int) {
    var size = 16
    while size < capacity { size *= 2 }
    bucketMask = size - 1
    links = .allocate(capacity: capacity)
    threads = .allocate(capacity: capacity)
    buckets = .allocate(capacity: size)
    links.initialize(repeating: Link(), count: capacity)
    threads.initialize(repeating: Thread(), count: capacity)
    buckets.initialize(repeating: -1, count: size)
  }

  deinit {
    links.deallocate()
    threads.deallocate()
    buckets.deallocate()
  }

  /// Adds `slot`, which is in no chain, to the thread's; one out of order goes to its place.
  mutating func append(_ slot: Int32, tid: Int32, timestamp: UInt64) {
    let index = find(tid) ?? add(tid)
    var after = threads[index].last
    while after >= 0, links[Int(after)].timestamp > timestamp { after = links[Int(after)].previous }
    let before = after < 0 ? threads[index].first : links[Int(after)].next
    links[Int(slot)] = Link(timestamp: timestamp, previous: after, next: before)
    if after < 0 { threads[index].first = slot } else { links[Int(after)].next = slot }
    if before < 0 { threads[index].last = slot } else { links[Int(before)].previous = slot }
    threads[index].count += 1
  }

  /// Takes the thread's oldest slot out, if it has one that is no later than `end`, ns.
  @inline(__always)
  mutating func removeFirst(tid: Int32, upTo end: UInt64) -> Int32? {
    guard let index = find(tid) else { return nil }
    let slot = threads[index].first
    guard links[Int(slot)].timestamp <= end else { return nil }
    remove(slot, of: index)
    return slot
  }

  /// Appends the thread's slots that are no later than `end`, ns, to `slots`, oldest first, and leaves them in.
  func collect(tid: Int32, upTo end: UInt64, into slots: inout FlatArray<Int32>) {
    guard let index = find(tid) else { return }
    var slot = threads[index].first
    while slot >= 0, links[Int(slot)].timestamp <= end {
      slots.append(slot)
      slot = links[Int(slot)].next
    }
  }

  /// Takes out the second slot of the thread that has most, or its only one. There must be a slot.
  ///
  /// Once found, a thread is taken for the longest until it is down to half: looking at all of them for each slot would be
  /// slow just when there is most to do.
  mutating func removeOfLongest() -> Int32 {
    if threads[longest].count <= longestFloor {
      for index in 0..<threadsUsed where threads[index].count > threads[longest].count { longest = index }
      longestFloor = max(threads[longest].count / 2, 1)
    }
    let first = threads[longest].first
    let slot = threads[longest].count > 1 ? links[Int(first)].next : first
    remove(slot, of: longest)
    return slot
  }

  private mutating func remove(_ slot: Int32, of index: Int) {
    let link = links[Int(slot)]
    if link.previous < 0 { threads[index].first = link.next } else { links[Int(link.previous)].next = link.next }
    if link.next < 0 { threads[index].last = link.previous } else { links[Int(link.next)].previous = link.previous }
    threads[index].count -= 1
    if threads[index].count == 0 { forget(index) }
  }

  // MARK: Threads by tid

  /// Replaces `tids` by those of the threads that have samples.
  func collectThreads(_ tids: inout FlatArray<Int32>) {
    tids.removeAll()
    for index in 0..<threadsUsed where threads[index].count > 0 { tids.append(threads[index].tid) }
  }

  @inline(__always)
  private func find(_ tid: Int32) -> Int? {
    var index = buckets[bucket(tid)]
    while index >= 0 {
      if threads[Int(index)].tid == tid { return Int(index) }
      index = threads[Int(index)].chained
    }
    return nil
  }

  private mutating func add(_ tid: Int32) -> Int {
    var index = Int(freeThread)
    if index >= 0 {
      freeThread = threads[index].chained
    } else {
      index = threadsUsed
      threadsUsed += 1
    }
    threads[index] = Thread(tid: tid, chained: buckets[bucket(tid)])
    buckets[bucket(tid)] = Int32(index)
    return index
  }

  private mutating func forget(_ index: Int) {
    let bucket = bucket(threads[index].tid)
    if buckets[bucket] == Int32(index) {
      buckets[bucket] = threads[index].chained
    } else {
      var previous = Int(buckets[bucket])
      while threads[previous].chained != Int32(index) { previous = Int(threads[previous].chained) }
      threads[previous].chained = threads[index].chained
    }
    threads[index].chained = freeThread
    freeThread = Int32(index)
  }

  /// Thread ids of one process mostly follow each other.
  @inline(__always)
  private func bucket(_ tid: Int32) -> Int { Int(tid) & bucketMask }
}
