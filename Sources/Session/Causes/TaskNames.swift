internal import Aggregator
internal import TraceModel

/// The names of tasks that are part of causes: the target's threads as events name them, the others as switches or the system do.
struct TaskNames {
  /// The most tasks that are remembered; of the others nothing but their ids is said.
  private static let limit = 1 << 14

  private let facts: any TargetFacts
  private var tasks: [Int32: Cause.Task] = [:]

  init(_ facts: any TargetFacts) { self.facts = facts }

  /// Asks for the name of a task that is no thread of the target, while it is likely to live.
  mutating func note(_ tid: Int32) {
    guard tasks[tid] == nil, tasks.count < Self.limit, let name = facts.name(ofTask: tid) else { return }
    let pid = facts.process(ofTask: tid) ?? 0
    tasks[tid] = Cause.Task(pid: pid, tid: tid, name: name, isTool: pid != 0 && pid == facts.tool)
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

  /// A window has closed. Tids are used again: names do not outlive many windows.
  mutating func closeWindow() {
    if tasks.count >= Self.limit / 2 { tasks.removeAll(keepingCapacity: true) }
  }
}
