/// The root directories of the target's processes.
///
/// A class, since whoever names a process's files asks it by and by; used on one thread.
package final class TargetRoots {
  /// The number of processes that are looked at in one turn.
  private static let turn = 8

  private var roots: [Int32: TargetRoot] = [:]
  private var open = OpenDirectories()
  private var maps: [Int32: PerfMapFile] = [:]
  /// The processes in the order in which they are looked at, and the next one's number.
  private var order: [Int32] = []
  private var next = 0
  /// The number of processes above which those that have ended are forgotten.
  private var most = 256

  package init() {}

  /// A path of the root directory of a process that is new, which stays valid when the process has ended; nil where it is this
  /// process's own.
  package func path(of pid: Int32) -> String? {
    forgetEnded()
    if roots[pid] == nil { order.append(pid) }
    maps[pid] = nil
    let root = TargetRoot(of: pid, &open)
    roots[pid] = root
    return root.path
  }

  /// Looks whether processes have another root directory than before, at some of them in each turn. Returns those that have, with
  /// the paths of it.
  package func follow() -> [(pid: Int32, path: String?)] {
    var changed: [(pid: Int32, path: String?)] = []
    for _ in 0..<min(Self.turn, order.count) {
      if next >= order.count { next = 0 }
      let pid = order[next]
      next += 1
      if roots[pid]?.follow(&open) ?? false { changed.append((pid, roots[pid]?.path)) }
    }
    return changed
  }

  private func forgetEnded() {
    guard order.count > most else { return }
    order.removeAll { !ProcessStatus.isAlive($0) }
    let living = Set(order)
    roots = roots.filter { living.contains($0.key) }
    maps = maps.filter { living.contains($0.key) }
    most = 256 + 2 * order.count
  }

  /// What a run-time compiler in the process has written of its code; empty where there is nothing.
  package func readPerfMap(of pid: Int32) -> [UInt8] {
    maps[pid] = (roots[pid] ?? TargetRoot(of: pid, &open)).readPerfMap(known: maps[pid])
    return maps[pid]?.bytes ?? []
  }

  /// All directories, which stay open as long as somebody has these.
  package var directories: [OpenDirectory] { open.all }
}
