import TraceModel

@testable import Aggregator

/// Feeds an aggregator by hand; times in ns, target threads on CPU 0 unless said.
struct Script: ~Copyable {
  var aggregator: Aggregator

  init(
    threads: [Int32] = [], windowFrom start: UInt64? = nil, syscallEvents filter: SyscallEventFilter? = nil,
    causes: CauseScope = .target
  ) {
    aggregator = Aggregator(abi: .x86_64, syscallEvents: filter, causes: causes)
    for tid in threads {
      aggregator.observe(ThreadObservation(pid: 1, tid: tid, name: 0, state: .runnable, mode: .unknown), at: start ?? 0)
    }
    if let start { aggregator.startWindow(at: start) }
  }

  mutating func feed(_ events: [Event]) {
    events.withUnsafeBufferPointer { all in
      var rest = all[...]
      while !rest.isEmpty { rest = rest.dropFirst(aggregator.consume(UnsafeBufferPointer(rebasing: rest)).count) }
    }
  }

  private mutating func feed(
    _ kind: EventKind, _ time: UInt64, _ tid: Int32, _ subject: Int32, _ detail: Int32 = 0, _ value: Int64 = 0,
    cpu: UInt16 = 0
  ) {
    feed([
      Event(timestamp: time, tid: tid, kind: kind, cpu: cpu, subject: subject, detail: detail, value: value)
    ])
  }

  mutating func enter(_ tid: Int32, _ number: Int32, at time: UInt64) { feed(.syscallEnter, time, tid, number) }

  mutating func leave(_ tid: Int32, _ number: Int32, returning value: Int64 = 0, at time: UInt64) {
    feed(.syscallExit, time, tid, number, 0, value)
  }

  /// `state`: of the previous task, as sched_switch has it; 0 runnable, 1 S, 2 D, 4 T.
  mutating func switchTask(from: Int32, state: Int32 = 0, to: Int32, at time: UInt64, cpu: UInt16 = 0) {
    feed(.contextSwitch, time, from, to, state, cpu: cpu)
  }

  mutating func wake(_ tid: Int32, at time: UInt64) { feed(.wakeup, time, 0, tid) }

  mutating func waking(_ tid: Int32, by waker: Int32, flags: Int32 = 0, at time: UInt64) {
    feed(.waking, time, waker, tid, flags)
  }

  mutating func hardIRQ(on tid: Int32, _ irq: Int32, at start: UInt64) { feed(.hardIRQEntry, start, tid, irq, 5) }

  mutating func endHardIRQ(on tid: Int32, _ irq: Int32, handled: Bool = true, at time: UInt64) {
    feed(.hardIRQExit, time, tid, irq, handled ? 1 : 0)
  }

  mutating func softIRQ(on tid: Int32, _ vector: Int32, at time: UInt64) { feed(.softIRQEntry, time, tid, vector) }
  mutating func endSoftIRQ(on tid: Int32, _ vector: Int32, at time: UInt64) { feed(.softIRQExit, time, tid, vector) }

  /// `isWorker`: made by the kernel for itself (CLONE_UNTRACED).
  mutating func newTask(by parent: Int32, _ tid: Int32, isThread: Bool = true, isWorker: Bool = false, at time: UInt64)
  {
    feed(.newTask, time, parent, tid, 9, (isThread ? 0x10000 : 0) | (isWorker ? 0x80_0000 : 0))
  }

  mutating func wakeNew(_ tid: Int32, at time: UInt64) { feed(.wakeupNew, time, 0, tid) }
  mutating func rename(_ tid: Int32, to name: NameID, at time: UInt64) { feed(.rename, time, tid, tid, name) }
  mutating func exit(_ tid: Int32, at time: UInt64) { feed(.exit, time, tid, tid) }

  mutating func exec(_ tid: Int32, was old: Int32? = nil, at time: UInt64) {
    feed(.exec, time, tid, tid, old ?? tid)
  }

  mutating func loseEvents(_ count: Int64, from start: UInt64, to end: UInt64, cpu: UInt16) {
    feed(.gapStart, start, 0, 0, 0, count, cpu: cpu)
    feed(.gapEnd, end, 0, 0, cpu: cpu)
  }

  mutating func finish(at time: UInt64) -> Snapshot { aggregator.finishWindow(at: time) }
}

extension Snapshot {
  /// The slow syscalls without their waits.
  var calls: [SyscallEvent] { slowSyscalls.map(\.call) }

  /// The waits of all slow syscalls.
  var waits: [SyscallWait] { slowSyscalls.flatMap(\.waits) }

  /// The only thread with this tid.
  func thread(_ tid: Int32) -> ThreadSnapshot { threads.first { $0.tid == tid } ?? ThreadSnapshot(tid: -1, name: 0) }
}

extension ThreadSnapshot {
  /// Only the states in which it spent time.
  var spent: [AccountingState: UInt64] {
    var spent: [AccountingState: UInt64] = [:]
    for state in AccountingState.allCases where accounting[state] > 0 { spent[state] = accounting[state] }
    return spent
  }

  func syscall(_ number: Int32) -> SyscallSnapshot? { syscalls.first { $0.number == number } }
}
