import TraceModel

@testable import Aggregator
@testable import Report
@testable import Session

/// A window of a second that a test makes up, thread by thread. Times are in ms where nothing else is said.
struct MadeUpWindow {
  static let start: UInt64 = 10_000_000_000
  static let length: UInt64 = 1000

  private(set) var names = NameTable()
  private var snapshot = Snapshot(
    start: start, stop: start + length * 1_000_000, threads: [], discardedIntervals: 0, eventsRead: 1, lostEvents: [:])
  private var causes: [ThreadCauses] = []
  var machine = MachineObservation()
  var stacks: WindowStacks?
  var criticalPath: [PathSegment] = []
  var loss = Loss()

  /// Adds a thread that ran its own code for `user` ms, was unknown for `unknown` ms, and otherwise did what the causes tell.
  @discardableResult
  mutating func thread(
    _ name: String, _ tid: Int32, pid: Int32? = nil, user: UInt64 = 0, unknown: UInt64 = 0, _ list: [Cause],
    inProgress: InProgress? = nil, faults: PageFaults = PageFaults()
  ) -> Self {
    var thread = ThreadSnapshot(tid: tid, name: names.intern(name), pid: pid ?? 0)
    if let pid {
      thread.process = snapshot.processes.firstIndex { $0.pid == pid } ?? snapshot.processes.count
      if thread.process == snapshot.processes.count {
        snapshot.processes.append(ProcessSnapshot(pid: pid, name: thread.name))
      }
    }
    thread.accounting[.user] = user * 1_000_000
    thread.accounting[.unknown] = unknown * 1_000_000
    for cause in list { thread.accounting[cause.state] += cause.total }
    if user > 0 { thread.run = Self.interval(user) }
    snapshot.threads.append(thread)
    var known = ThreadCauses()
    known.causes = list.sorted { $0.total > $1.total }
    known.inProgress = inProgress
    known.pageFaults = faults
    causes.append(known)
    return self
  }

  private static func interval(_ length: UInt64) -> IntervalStatistic {
    var statistic = IntervalStatistic()
    statistic.record(from: 0, to: length * 1_000_000)
    return statistic
  }

  var result: WindowResult {
    var result = WindowResult(
      target: snapshot.processes.first?.pid ?? snapshot.threads[0].tid, targetName: names[snapshot.threads[0].name],
      index: 1, snapshot: snapshot, loss: loss, names: names,
      clock: ClockPair(
        monotonic: Self.start, wall: WallTime(seconds: 1_700_000_000, microseconds: 42, offset: 0)))
    (result.causes, result.machine, result.stacks, result.criticalPath) = (causes, machine, stacks, criticalPath)
    result.recordingCost = 200
    return result
  }
}

extension Cause {
  /// A cause with its times in ms; `longest` is all of it where nothing else is said.
  static func made(
    _ state: AccountingState, _ kind: Kind, _ total: UInt64, count: UInt64 = 1, longest: UInt64? = nil,
    by: Task? = nil, path: PathEnd? = nil, in syscall: String? = nil, at place: String? = nil
  ) -> Cause {
    Cause(
      state, kind, by: by, path: path, syscall: syscall, place: place, count: count, total: total * 1_000_000,
      longest: (longest ?? total / max(count, 1)) * 1_000_000)
  }
}

extension Cause.Task {
  static func made(_ name: String, _ tid: Int32, pid: Int32 = 0, isTool: Bool = false) -> Self {
    Self(pid: pid, tid: tid, name: name, isTool: isTool)
  }
}
