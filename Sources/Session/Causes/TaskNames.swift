internal import Aggregator
internal import TraceModel

/// The names of tasks that are no threads of the target: those that had the CPU, or woke its threads. The system knows them while
/// they live.
struct TaskNames {
  /// The most tasks that are remembered; of the others nothing but their ids is said.
  private static let limit = 1 << 16

  private let facts: any TargetFacts
  private var tasks: [Int32: Cause.Task] = [:]

  init(_ facts: any TargetFacts) { self.facts = facts }

  /// The names by tid, as far as they are known.
  var names: [Int32: String] { tasks.mapValues(\.name) }

  /// Asks for the name of a task that is no thread of the target, while it is likely to live.
  mutating func note(_ tid: Int32) {
    guard tasks[tid] == nil, tasks.count < Self.limit, let name = facts.name(ofTask: tid) else { return }
    let pid = facts.process(ofTask: tid) ?? 0
    tasks[tid] = Cause.Task(pid: pid, tid: tid, name: name, isTool: pid != 0 && pid == facts.tool)
  }

  /// Asks for the names of those that ended the waits of a slow syscall; a thread of the target is in the report itself.
  mutating func note(_ waits: [SlowSyscall.Wait], _ aggregator: inout Aggregator) {
    for wait in waits {
      guard let waker = wait.wait.waker, waker.context == .task, waker.tid > 0 else { continue }
      if !aggregator.isThread(waker.tid) { note(waker.tid) }
    }
  }

  /// A task as causes name it. `thread`: the process and the name of a thread of the target; nil for other tasks. `switched`: its name as
  /// switches tell it, empty where they do not.
  mutating func task(_ tid: Int32, thread: (pid: Int32, name: String)?, switched: String) -> Cause.Task {
    if let thread { return Cause.Task(pid: thread.pid, tid: tid, name: thread.name) }
    note(tid)
    var task = tasks[tid] ?? Cause.Task(tid: tid, name: "")
    // What a switch says is of the time, what the system says may be of a later one.
    if !switched.isEmpty { task.name = switched }
    return task
  }

  /// A new window opens. Tids are used again: names do not outlive it.
  mutating func startWindow() { tasks.removeAll(keepingCapacity: true) }
}
