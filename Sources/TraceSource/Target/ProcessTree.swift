internal import SystemCalls
package import TraceModel

/// The processes that other processes made, as /proc shows them.
package struct ProcessTree {
  private let children: [Int32: [Int32]]

  /// Processes come and go while /proc is read: their parents need not form a tree.
  init(_ processes: [(pid: Int32, parent: Int32)]) {
    children = Dictionary(grouping: processes) { $0.parent }.mapValues { $0.map(\.pid) }
  }

  /// The processes below those of `roots`, which are not among them, parents before their children. What is in `others` is left
  /// out, with all that is below it.
  func descendants(of roots: [Int32], besides others: Set<Int32> = []) -> [Int32] {
    var found: [Int32] = []
    var parents = roots
    var seen = others.union(roots)
    while let parent = parents.popLast() {
      for pid in children[parent] ?? [] where seen.insert(pid).inserted {
        found.append(pid)
        parents.append(pid)
      }
    }
    return found
  }

  /// The living processes below those of `pids`, parents before their children.
  package static func descendants(of targets: [Int32]) -> [DescendantProcess] {
    let pids = ((try? SystemFiles.list("/proc")) ?? []).compactMap { Int32($0) }
    return descendants(
      of: targets,
      among: pids.compactMap { pid in
        ProcessStatus.read(pid: pid).flatMap { ProcessStatus.isAlive(pid, $0) ? (pid, $0.parent) : nil }
      })
  }

  static func descendants(of targets: [Int32], among processes: [(pid: Int32, parent: Int32)]) -> [DescendantProcess] {
    let tree = ProcessTree(processes)
    let direct = Set(targets.flatMap { tree.children[$0] ?? [] })
    return tree.descendants(of: targets).map { DescendantProcess(pid: $0, isChild: direct.contains($0)) }
  }
}
