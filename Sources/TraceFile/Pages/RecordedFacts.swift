package import TraceModel

/// What a recording answers when a session asks what its events do not tell.
///
/// It knows which threads were there when it began, and what they were called. Which of them lived at a later time, what they
/// were doing, and what programs they ran nobody has written down: these answers are nil or empty.
package final class RecordedFacts: TargetFacts {
  /// A process that was made while it was recorded, and when, ns.
  package struct LaterProcess: Sendable {
    package let process: NamedProcess
    package let time: UInt64
  }

  /// The time up to which the recording has been followed, ns.
  package var now: UInt64
  private let begin: UInt64
  private let tasks: RecordedTasks
  /// The threads of each process that were there when it began: at the beginning, or when it was made.
  private let threads: [Int32: [Int32]]
  /// The processes that are reported, those included that were made later.
  package let processes: [NamedProcess]
  /// Those of them that were not there at the beginning, in the order of time.
  package let later: [LaterProcess]

  /// The facts that `tasks` hold. `begin`: when the recording begins, ns. `pids`: the processes that are reported; where there are
  /// none, all tasks that were there at the beginning are taken for threads of one, which goes by its lowest thread id.
  package init(_ tasks: RecordedTasks, begin: UInt64, pids: [Int32] = []) {
    self.tasks = tasks
    self.begin = begin
    now = begin
    func named(_ pid: Int32) -> NamedProcess { NamedProcess(pid: pid, name: tasks.names[pid] ?? "") }
    if pids.isEmpty {
      processes = [named(tasks.earlier.first ?? 0)]
      threads = [processes[0].pid: tasks.earlier]
      later = []
    } else {
      processes = pids.map(named)
      let known = pids.map { pid in (pid, [pid] + (tasks.earlierThreads[pid] ?? []).filter { $0 != pid }) }
      threads = Dictionary(known) { first, _ in first }
      later = pids.compactMap { pid in tasks.birth(of: pid).map { LaterProcess(process: named(pid), time: $0) } }
        .sorted { $0.time < $1.time }
    }
  }

  /// The process that was recorded, or the first one that is reported; 0 where nothing made a syscall.
  package var process: Int32 { processes[0].pid }

  /// The earliest name of that process's first thread that an event names; empty where none does.
  package var processName: String { processes[0].name }

  package var clock: ClockPair? { nil }

  /// Nothing says which process a thread is of that was there before.
  package func threads(of pid: Int32) -> [Int32]? {
    let time = later.first { $0.process.pid == pid }?.time ?? begin
    return now == time ? threads[pid] : nil
  }

  package func thread(_ tid: Int32, of pid: Int32) -> ThreadFacts? {
    guard threads(of: pid)?.contains(tid) == true else { return nil }
    return ThreadFacts(tid: tid, pid: pid, name: tasks.names[tid] ?? "", state: .unknown)
  }

  package func hasThread(_ tid: Int32, of pid: Int32) -> Bool { threads[pid]?.contains(tid) == true }

  package func abi(of pid: Int32) -> SyscallABI? { nil }

  package func name(ofTask tid: Int32) -> String? { tasks.names[tid] }

  package func descendants(of pids: [Int32]) -> [DescendantProcess] { [] }

  /// Nothing but an event can tell that it has ended.
  package func isAlive(_ pid: Int32) -> Bool { true }

  package func codeMappings(of pid: Int32) -> [CodeMapping] { [] }
}
