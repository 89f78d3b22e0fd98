internal import TraceModel

/// What the scheduler did on the machine lately: who had which CPU, and who waited for whom.
///
/// It keeps the latest records in a ring of fixed size. From each a way leads back to the one before it on its CPU, and to the one
/// before it of its tasks, so that a question is answered by a walk back from now. What has been overwritten is not known.
///
/// It can be fed with all switches of the machine, or with those alone that a thread of the target takes part in. One rule serves
/// both: a CPU was held between two records if the task that got it in the first one gives it up in the second. Otherwise a switch
/// in between was not recorded, and nobody knows.
package struct MachineHistory: ~Copyable {
  struct Task: BitwiseCopyable {
    let tid: Int32
    /// Whether all records of the task are fed.
    var isFollowed: Bool
    /// The number of its latest record.
    var last: Int
  }

  struct CPU: BitwiseCopyable {
    /// The number of its latest record; -1 for none.
    var last = -1
    /// The number of its latest switch; -1 where none is known.
    var lastSwitch = -1
    /// Since when the CPU's idle time is added up, ns; nil before the first switch.
    var since: UInt64 = 0
    var idleTime: UInt64 = 0
    var unknownTime: UInt64 = 0
    var isKnown = false
    /// Whether the next switch is the first one since the records began.
    var isFirst = false
  }

  var records: FlatArray<HistoryRecord>
  private let mask: Int
  /// The number of the next record.
  private(set) var next = 0
  private var tasks = FlatArray<Task>()
  private var index = FlatIndex()
  private var mostTasks = 8192
  private var cpus = FlatArray<CPU>()
  /// Whether the records are those of all tasks of the machine.
  package let isComplete: Bool
  /// The latest time of a record, ns: time never goes back.
  private(set) var latest: UInt64 = 0
  /// Since when all records are fed, ns; 0 where that is not known.
  private var began: UInt64 = 0
  /// The number of records that questions may still walk back over: eight for each that is kept.
  var allowance = 0
  // Memory that is used again and again.
  var walked = FlatArray<Int>()

  /// A history of the latest `capacity` records, 40 bytes each; it is rounded up to a power of two. `isComplete`: whether the switches of all tasks
  /// are fed.
  package init(capacity: Int, isComplete: Bool) {
    var size = 16
    while size < capacity { size *= 2 }
    mask = size - 1
    records = FlatArray(capacity: size)
    self.isComplete = isComplete
  }

  // MARK: Records

  /// The number of the oldest record that is kept.
  var oldest: Int { next > mask ? next - mask - 1 : 0 }

  /// The record of a number, which must be kept.
  @inline(__always)
  func record(_ number: Int) -> HistoryRecord { records[number & mask] }

  /// The number of a record before record `number`; -1 where it is not kept, or there is none.
  @inline(__always)
  func number(before number: Int, by distance: UInt32) -> Int {
    let previous = number - Int(distance)
    return distance != 0 && previous >= oldest ? previous : -1
  }

  /// The number of the latest record on a CPU; -1 for none.
  func last(onCPU cpu: UInt16) -> Int {
    guard Int(cpu) < cpus.count, cpus[Int(cpu)].last >= oldest else { return -1 }
    return cpus[Int(cpu)].last
  }

  /// The number of the latest record of a task; -1 for none.
  func last(of tid: Int32) -> Int {
    guard let position = index.find(UInt64(UInt32(bitPattern: tid))), tasks[Int(position)].last >= oldest else {
      return -1
    }
    return tasks[Int(position)].last
  }

  /// Whether all records of the task are fed.
  func isFollowed(_ tid: Int32) -> Bool {
    if isComplete { return true }
    guard let position = index.find(UInt64(UInt32(bitPattern: tid))) else { return false }
    return tasks[Int(position)].isFollowed
  }

  // MARK: Events

  /// All records from `time`, ns, on are fed.
  package mutating func begin(at time: UInt64) { began = time }

  /// A CPU went from one task to another; 0 is the idle task. `state`: the state bits of the task that gave it up.
  /// `previousIsFollowed` and `nextIsFollowed`: whether all switches of that task are fed.
  @inline(__always)
  package mutating func switched(
    at time: UInt64, cpu: UInt16, from previous: Int32, state: Int32, to next: Int32, previousIsFollowed: Bool = true,
    nextIsFollowed: Bool = true
  ) {
    if isComplete { beginCPU(cpu, at: time) }
    var record = HistoryRecord(time: advance(to: time), kind: .contextSwitch, cpu: cpu)
    record.task = previous
    record.other = next
    record.state = state
    if previous != 0 { record.previousOfTask = link(previous, isFollowed: previousIsFollowed) }
    if next != 0 { record.previousOfOther = link(next, isFollowed: nextIsFollowed) }
    addUp(cpu, from: previous, at: record.time)
    append(record)
    cpus[Int(cpu)].lastSwitch = self.next - 1
  }

  /// Something else than a switch showed that a CPU ran a task; 0 is the idle task.
  package mutating func seen(_ tid: Int32, at time: UInt64, cpu: UInt16) {
    var record = HistoryRecord(time: advance(to: time), kind: .contextSwitch, cpu: cpu)
    record.task = tid
    record.other = tid
    // It is no record of what the task did: no way leads to it from the task's others.
    addUp(cpu, from: tid, at: record.time)
    append(record)
    cpus[Int(cpu)].lastSwitch = next - 1
  }

  /// A task became runnable. `waker`: what made it; nil where nothing tells.
  @inline(__always)
  package mutating func woken(_ tid: Int32, at time: UInt64, cpu: UInt16, by waker: Waker?, isFollowed: Bool = true) {
    guard tid != 0 else { return }
    var record = HistoryRecord(time: advance(to: time), kind: .wake, cpu: cpu)
    record.task = tid
    if let waker {
      record.isTold = true
      record.context = waker.context
      record.other = waker.tid
      let last = last(of: waker.tid)
      // What the waker did then is found without a walk over what it has done since.
      if last >= 0 { record.previousOfOther = UInt32(clamping: next - last) }
    }
    record.previousOfTask = link(tid, isFollowed: isFollowed)
    append(record)
  }

  /// An interrupt began, or ended, on a CPU.
  @inline(__always)
  package mutating func interrupt(begins: Bool, at time: UInt64, cpu: UInt16) {
    append(HistoryRecord(time: advance(to: time), kind: begins ? .interruptBegin : .interruptEnd, cpu: cpu))
  }

  /// Records of a CPU are missing up to `time`, ns. What any task did meanwhile that no other CPU tells of is not known.
  package mutating func gap(at time: UInt64, cpu: UInt16) {
    let time = advance(to: time)
    began = 0
    for number in 0..<max(cpus.count, Int(cpu) + 1) {
      // Tasks can have gone from the silent CPU to any other one.
      append(HistoryRecord(time: time, kind: .gap, cpu: UInt16(number)))
      cpus[number].isKnown = false
      cpus[number].lastSwitch = -1
    }
    tasks.removeAll()
    index.removeAll()
  }

  private mutating func advance(to time: UInt64) -> UInt64 {
    latest = max(latest, time)
    return latest
  }

  /// The distance from the next record to the task's latest one, which the next one becomes.
  @inline(__always)
  private mutating func link(_ tid: Int32, isFollowed: Bool) -> UInt32 {
    let key = UInt64(UInt32(bitPattern: tid))
    if let position = index.find(key) {
      let last = tasks[Int(position)].last
      tasks[Int(position)].last = next
      tasks[Int(position)].isFollowed = isFollowed
      return last >= oldest ? UInt32(clamping: next - last) : 0
    }
    if tasks.count >= mostTasks { forgetTasks() }
    let position = tasks.append(Task(tid: tid, isFollowed: isFollowed, last: next))
    index.set(key, Int32(truncatingIfNeeded: position))
    return 0
  }

  /// Forgets the tasks of which no record is kept; a machine makes ever new ones.
  private mutating func forgetTasks() {
    var kept = FlatArray<Task>()
    index.removeAll()
    for number in 0..<tasks.count where tasks[number].last >= oldest {
      index.set(UInt64(UInt32(bitPattern: tasks[number].tid)), Int32(truncatingIfNeeded: kept.append(tasks[number])))
    }
    swap(&tasks, &kept)
    mostTasks = max(8192, 2 * tasks.count)
  }

  @inline(__always)
  private mutating func append(_ record: HistoryRecord) {
    var record = record
    let cpu = Int(record.cpu)
    while cpus.count <= cpu { cpus.append(CPU()) }
    // A wake-up is not something that the CPU does: it has no place in the CPU's chain.
    if record.kind != .wake {
      let last = cpus[cpu].last
      if last >= oldest { record.previousOnCPU = UInt32(clamping: next - last) }
      cpus[cpu].last = next
    }
    if records.count <= mask { records.append(record) } else { records[next & mask] = record }
    next += 1
    if allowance < 8 * (mask + 1) { allowance &+= 8 }
  }

  // MARK: Idle time

  /// The first switch of a CPU tells who had it since the records began.
  @inline(__always)
  private mutating func beginCPU(_ cpu: UInt16, at time: UInt64) {
    if Int(cpu) < cpus.count, cpus[Int(cpu)].since != 0 { return }
    guard began != 0, began < time else { return }
    append(HistoryRecord(time: began, kind: .gap, cpu: cpu))
    cpus[Int(cpu)].since = began
    cpus[Int(cpu)].isFirst = true
  }

  /// Adds up what the CPU has done since its latest switch.
  @inline(__always)
  private mutating func addUp(_ cpu: UInt16, from previous: Int32, at time: UInt64) {
    let number = Int(cpu)
    while cpus.count <= number { cpus.append(CPU()) }
    let length = time &- cpus[number].since
    if cpus[number].since == 0 {
      // Nothing was known before.
    } else if cpus[number].isFirst {
      cpus[number].isFirst = false
      if previous == 0 { cpus[number].idleTime &+= length }
    } else if cpus[number].isKnown, cpus[number].lastSwitch >= oldest,
      record(cpus[number].lastSwitch).other == previous
    {
      if previous == 0 { cpus[number].idleTime &+= length }
    } else {
      cpus[number].unknownTime &+= length
    }
    cpus[number].since = time
    cpus[number].isKnown = true
  }

  /// How long each CPU was idle, and how long nobody knows what it did, since this was asked last, up to `time`, ns.
  package mutating func takeCPUTimes(upTo time: UInt64) -> [(cpu: Int, idle: UInt64, unknown: UInt64)] {
    var times: [(cpu: Int, idle: UInt64, unknown: UInt64)] = []
    for number in 0..<cpus.count where cpus[number].since != 0 {
      let length = time > cpus[number].since ? time - cpus[number].since : 0
      if !cpus[number].isKnown || cpus[number].lastSwitch < oldest {
        cpus[number].unknownTime += length
      } else if record(cpus[number].lastSwitch).other == 0 {
        cpus[number].idleTime += length
      }
      cpus[number].since += length
      times.append((number, cpus[number].idleTime, cpus[number].unknownTime))
      cpus[number].idleTime = 0
      cpus[number].unknownTime = 0
    }
    return times
  }
}
