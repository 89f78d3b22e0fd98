internal import TraceModel

/// The threads of the target by tid, in the order in which they became known.
struct ThreadTable: ~Copyable {
  var records = FlatArray<ThreadRecord>(capacity: 64)
  private var index = FlatIndex(capacity: 64)
  /// The thread asked for last: events of one thread come in runs.
  private var recentTID: Int32 = -1
  private var recentPosition: Int32 = -1

  /// Position of the thread with `tid`; -1 if the target has none.
  @inline(__always)
  mutating func find(_ tid: Int32) -> Int {
    if tid == recentTID { return Int(recentPosition) }
    recentTID = tid
    recentPosition = index.find(UInt64(UInt32(bitPattern: tid))) ?? -1
    return Int(recentPosition)
  }

  /// Adds a thread; one of the same tid before it (dead: tids are reused) stays in `records` but is not found any more.
  @discardableResult
  mutating func add(_ record: ThreadRecord) -> Int {
    let position = records.append(record)
    // What is looked up next is never a place that was right before.
    (recentTID, recentPosition) = (record.tid, Int32(position))
    index.set(UInt64(UInt32(bitPattern: record.tid)), Int32(position))
    return position
  }

  /// Drops the dead, so that a long capture of a program with short threads does not grow.
  mutating func removeDead() {
    var living = FlatArray<ThreadRecord>(capacity: records.count)
    for position in 0..<records.count where records[position].scheduling != .dead {
      living.append(records[position])
    }
    swap(&records, &living)
    (recentTID, recentPosition) = (-1, -1)
    index.removeAll()
    for position in 0..<records.count {
      index.set(UInt64(UInt32(bitPattern: records[position].tid)), Int32(position))
    }
  }
}
