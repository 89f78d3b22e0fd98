package import TraceModel

/// What a recording answers when a session asks what its events do not tell.
///
/// It knows which threads were there when it began, and what they were called. Which of them lived at a later time, what they
/// were doing, and what programs they ran nobody has written down: these answers are nil or empty.
package final class RecordedFacts: TargetFacts {
  /// The time up to which the recording has been followed, ns.
  package var now: UInt64
  private let begin: UInt64
  private let tasks: RecordedTasks
  /// The process that was recorded, by its lowest thread id; 0 where nothing made a syscall.
  package let process: Int32

  /// The facts that `tasks` hold. `begin`: when the recording begins, ns.
  package init(_ tasks: RecordedTasks, begin: UInt64) {
    self.tasks = tasks
    self.begin = begin
    now = begin
    process = tasks.earlier.first ?? 0
  }

  /// The earliest name of the process's first thread that an event names; empty where none does.
  package var processName: String { tasks.names[process] ?? "" }

  package var clock: ClockPair? { nil }

  /// Nothing says which process a thread is of: all that were there at the beginning are taken for the target's.
  package func threads(of pid: Int32) -> [Int32]? { pid == process && now == begin ? tasks.earlier : nil }

  package func thread(_ tid: Int32, of pid: Int32) -> ThreadFacts? {
    guard hasThread(tid, of: pid), now == begin else { return nil }
    return ThreadFacts(tid: tid, pid: pid, name: tasks.names[tid] ?? "", state: .unknown)
  }

  package func hasThread(_ tid: Int32, of pid: Int32) -> Bool { pid == process && tasks.earlier.contains(tid) }

  package func abi(of pid: Int32) -> SyscallABI? { nil }

  package func name(ofTask tid: Int32) -> String? { tasks.names[tid] }

  package func descendants(of pids: [Int32]) -> [DescendantProcess] { [] }

  /// Nothing but an event can tell that it has ended.
  package func isAlive(_ pid: Int32) -> Bool { true }

  package func codeMappings(of pid: Int32) -> [CodeMapping] { [] }
}
