/// The processes that other processes made, as /proc shows them.
package enum ProcessTree {
  /// A living process below another one.
  package struct Descendant: Sendable, Equatable {
    package var pid: Int32
    /// Whether it is a child, and not a child of one.
    package var isChild: Bool
  }

  /// The living processes below `pid`, parents before their children.
  package static func descendants(of pid: Int32) -> [Descendant] {
    let pids = ((try? SystemFiles.list("/proc")) ?? []).compactMap { Int32($0) }
    return descendants(
      of: pid,
      among: pids.compactMap { pid in
        ProcessStatus.read(pid: pid).flatMap { ProcessStatus.isAlive(pid, $0) ? (pid, $0.parent) : nil }
      })
  }

  static func descendants(of pid: Int32, among processes: [(pid: Int32, parent: Int32)]) -> [Descendant] {
    let children = Dictionary(grouping: processes) { $0.parent }
    var found: [Descendant] = []
    var parents = [pid]
    // Processes come and go while /proc is read: their parents need not form a tree.
    var seen: Set<Int32> = [pid]
    while let parent = parents.popLast() {
      for process in children[parent] ?? [] where seen.insert(process.pid).inserted {
        found.append(Descendant(pid: process.pid, isChild: parent == pid))
        parents.append(process.pid)
      }
    }
    return found
  }
}
