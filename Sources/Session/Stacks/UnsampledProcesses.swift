/// Processes of the target whose stacks could not be sampled when they came to it, and those that they have made since.
struct UnsampledProcesses {
  private var pids: Set<Int32> = []
  private var ended: Set<Int32> = []
  /// Why the first of the processes could not be sampled.
  private var reason = ""

  /// The stacks of process `pid` cannot be sampled, for `reason`.
  mutating func add(_ pid: Int32, because reason: String) {
    if pids.isEmpty { self.reason = reason }
    pids.insert(pid)
  }

  /// Process `parent` has made `pid`, which inherits its perf events, or that it has none.
  mutating func born(_ pid: Int32, of parent: Int32) {
    if pids.contains(parent) { pids.insert(pid) }
  }

  /// What a reader of the stacks must know; nil where there are no such processes.
  var note: String? {
    switch pids.count {
    case 0: nil
    case 1: "1 process that came later has no stacks: \(reason)."
    default: "\(pids.count) processes that came later have no stacks: \(reason)."
    }
  }

  /// The process has ended: the window that closes next is the last that has it.
  mutating func ended(_ pid: Int32) {
    if pids.contains(pid) { ended.insert(pid) }
  }

  /// A window has closed: those that had ended are forgotten.
  mutating func closeWindow() {
    pids.subtract(ended)
    ended.removeAll()
  }
}
