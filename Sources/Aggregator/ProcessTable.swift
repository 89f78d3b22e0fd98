internal import TraceModel

/// A process of the target: what its threads have in common.
struct ProcessRecord: BitwiseCopyable {
  let pid: Int32
  /// The name of the process's first thread, also once that has ended.
  var name: NameID
  /// The special numbers of the process. Threads copy them: whoever changes them here tells the process's threads.
  var numbers: SpecialNumbers
  /// The number of threads that have not ended. The process lives as long as there is one.
  var livingThreads = 0
  var isAlive: Bool { livingThreads > 0 }

  init(pid: Int32, name: NameID, numbers: SpecialNumbers) {
    self.pid = pid
    self.name = name
    self.numbers = numbers
  }
}

/// The processes of the target by pid, in the order in which they became known.
struct ProcessTable: ~Copyable {
  var records = FlatArray<ProcessRecord>(capacity: 16)
  private var index = FlatIndex(capacity: 16)
  private(set) var livingCount = 0
  /// When the latest end of a process was, ns; 0 where none has ended.
  private(set) var lastEnd: UInt64 = 0

  /// Number of the process with `pid`, which may have ended in the open window; -1 if the target has none.
  func find(_ pid: Int32) -> Int { Int(index.find(UInt64(UInt32(bitPattern: pid))) ?? -1) }

  /// Adds a process without threads; one of the same pid before it (dead: pids are reused) stays in `records` but is not
  /// found any more.
  mutating func add(_ record: ProcessRecord) -> Int {
    let number = records.append(record)
    index.set(UInt64(UInt32(bitPattern: record.pid)), Int32(number))
    livingCount += 1
    return number
  }

  /// The last thread of process `number` has ended at `time`, ns.
  mutating func ended(_ number: Int, at time: UInt64) {
    livingCount -= 1
    lastEnd = max(lastEnd, time)
  }

  /// Drops those that have ended. Returns the new number of each, -1 where it was dropped; nil where none was.
  mutating func removeEnded(livingThreads: [Int]) -> [Int32]? {
    for number in 0..<records.count { records[number].livingThreads = livingThreads[number] }
    livingCount = livingThreads.count { $0 > 0 }
    guard livingCount < records.count else { return nil }
    var numbers: [Int32] = []
    var living = FlatArray<ProcessRecord>(capacity: livingCount)
    for number in 0..<records.count {
      numbers.append(records[number].isAlive ? Int32(living.append(records[number])) : -1)
    }
    swap(&records, &living)
    index = FlatIndex(capacity: records.count)
    for number in 0..<records.count { index.set(UInt64(UInt32(bitPattern: records[number].pid)), Int32(number)) }
    return numbers
  }
}
