internal import SystemCalls
package import TraceModel

/// The processes that other processes made, as /proc shows them.
package enum ProcessTree {
  /// The living processes below `pid`, parents before their children.
  package static func descendants(of pid: Int32) -> [DescendantProcess] {
    let pids = ((try? SystemFiles.list("/proc")) ?? []).compactMap { Int32($0) }
    return descendants(
      of: pid,
      among: pids.compactMap { pid in
        ProcessStatus.read(pid: pid).flatMap { ProcessStatus.isAlive(pid, $0) ? (pid, $0.parent) : nil }
      })
  }

  static func descendants(of pid: Int32, among processes: [(pid: Int32, parent: Int32)]) -> [DescendantProcess] {
    let children = Dictionary(grouping: processes) { $0.parent }
    var found: [DescendantProcess] = []
    var parents = [pid]
    // Processes come and go while /proc is read: their parents need not form a tree.
    var seen: Set<Int32> = [pid]
    while let parent = parents.popLast() {
      for process in children[parent] ?? [] where seen.insert(process.pid).inserted {
        found.append(DescendantProcess(pid: process.pid, isChild: parent == pid))
        parents.append(process.pid)
      }
    }
    return found
  }
}
