package import TraceModel

/// What became of the set of the target's processes, as events tell.
package struct TargetChange: Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    /// Process `parent` made this process by a fork.
    case born(parent: Int32)
    case ended
  }

  package var pid: Int32
  /// The time of the change, ns.
  package var time: UInt64
  package var kind: Kind

  package init(pid: Int32, time: UInt64, kind: Kind) {
    self.pid = pid
    self.time = time
    self.kind = kind
  }
}

// The target's processes. A process is born with its first thread and ends with its last one.
extension Aggregator {
  /// The pids of the processes that have not ended, in the order in which they became known.
  package var livingProcesses: [Int32] { processes.records.elements.filter(\.isAlive).map(\.pid) }

  /// When the last process of the target ended, ns; nil while one lives, and before the first one is known.
  package var lastEnd: UInt64? { processes.livingCount == 0 && processes.lastEnd > 0 ? processes.lastEnd : nil }

  /// Whether `pid` is a process of the target that has not ended.
  package func isProcess(_ pid: Int32) -> Bool {
    let number = processes.find(pid)
    return number >= 0 && processes.records[number].isAlive
  }

  /// The process of thread `tid` of the target, which may have ended in the open window; nil where it has none such.
  package mutating func process(of tid: Int32) -> Int32? {
    let thread = threads.find(tid)
    return thread >= 0 ? threads.records[thread].pid : nil
  }

  /// The name of process `pid`, its first thread's, also after that has ended; nil where the target has none such.
  package func processName(of pid: Int32) -> NameID? {
    let number = processes.find(pid)
    return number >= 0 ? processes.records[number].name : nil
  }

  /// Tells the name of process `pid`, which goes by another one only if its first thread is there and has one.
  package mutating func setName(_ name: NameID, ofProcess pid: Int32) {
    let number = processes.find(pid)
    guard number >= 0, threads.find(pid) < 0 else { return }
    processes.records[number].name = name
  }

  /// The numbering of the syscalls of process `pid`: until `setABI` its parent's, or that which the aggregator began with.
  package func abi(of pid: Int32) -> SyscallABI {
    let number = processes.find(pid)
    return number >= 0 ? processes.records[number].numbers.abi : initialABI
  }

  /// Tells the numbering of the syscalls that process `pid` makes from here on; an exec can change it.
  package mutating func setABI(_ abi: SyscallABI, of pid: Int32) {
    let number = processes.find(pid)
    guard number >= 0, processes.records[number].numbers.abi != abi else { return }
    let numbers = SpecialNumbers(abi)
    processes.records[number].numbers = numbers
    // After an exec it has one thread, by whose id it goes, however many threads the target has.
    let leader = threads.find(pid)
    if processes.records[number].livingThreads == 1, leader >= 0, threads.records[leader].process == number,
      threads.records[leader].scheduling != .dead
    {
      return threads.records[leader].numbers = numbers
    }
    for position in 0..<threads.records.count where threads.records[position].process == number {
      threads.records[position].numbers = numbers
    }
  }

  /// The processes that have replaced their programs since this was asked last, in the order of events. `consume` stops
  /// after each, so that the numbering of the next syscalls can be told by `setABI`.
  package mutating func takeExecs() -> [Int32] {
    defer { execs = [] }
    return execs
  }

  /// The processes that events told of as born or ended since this was asked last, in the order of events. To be asked after
  /// each run of events: they are kept until then.
  package mutating func takeTargetChanges() -> [TargetChange] {
    defer { targetChanges = [] }
    return targetChanges
  }

  // MARK: Births and ends

  /// The number of the living process `pid`; one that is not known yet, or only as one that has ended, is added.
  mutating func processNumber(of pid: Int32, name: NameID, numbers: SpecialNumbers) -> Int32 {
    let known = processes.find(pid)
    if known >= 0, processes.records[known].isAlive { return Int32(known) }
    children.becameTarget(pid)
    return Int32(processes.add(ProcessRecord(pid: pid, name: name, numbers: numbers)))
  }

  /// A thread of process `number`, of which nothing is known but its birth, or the first look at it, at `time`, ns.
  func threadRecord(_ tid: Int32, of number: Int32, name: NameID, at time: UInt64) -> ThreadRecord {
    let process = processes.records[Int(number)]
    return ThreadRecord(tid: tid, pid: process.pid, process: number, numbers: process.numbers, name: name, at: time)
  }

  /// Adds a thread to those of its process.
  @discardableResult
  mutating func add(_ record: ThreadRecord) -> Int {
    processes.records[Int(record.process)].livingThreads += 1
    return threads.add(record)
  }

  /// The thread at `position` has just ended, at `time`, ns, and with it its process, if that has no other one.
  mutating func threadEnded(_ position: Int, at time: UInt64) {
    deadThreads += 1
    let number = Int(threads.records[position].process)
    // An event that came after its end had brought the thread back: its process has ended already.
    guard processes.records[number].livingThreads > 0 else { return }
    processes.records[number].livingThreads -= 1
    guard !processes.records[number].isAlive else { return }
    processes.ended(number, at: time)
    targetChanges.append(TargetChange(pid: processes.records[number].pid, time: time, kind: .ended))
  }

  /// Between windows nobody asks for those that have ended: forgets them from time to time, so that a target that makes ever
  /// new threads and processes while a trigger is waited for takes no more memory.
  mutating func forgetEndedBetweenWindows() {
    guard !isWindowOpen, deadThreads >= 4096, deadThreads > threads.records.count / 2 else { return }
    removeEnded()
    // What they count is of no window, and they know threads by their positions.
    syscalls.removeAll()
    hardIRQs.removeAll()
    softIRQs.removeAll()
    for position in 0..<threads.records.count { threads.records[position].recentSyscalls = RecentSyscalls() }
  }

  /// Drops the threads and processes that have ended.
  mutating func removeEnded() {
    deadThreads = 0
    threads.removeDead()
    // Counted anew: an event that came after a thread's end has brought it back, and its process with it.
    var living = [Int](repeating: 0, count: processes.records.count)
    for position in 0..<threads.records.count { living[Int(threads.records[position].process)] += 1 }
    guard let numbers = processes.removeEnded(livingThreads: living) else { return }
    for position in 0..<threads.records.count {
      threads.records[position].process = numbers[Int(threads.records[position].process)]
    }
  }
}
