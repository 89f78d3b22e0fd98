/// The root directories of the target's processes.
///
/// A class, since whoever names a process's files asks it by and by; used on one thread.
package final class TargetRoots {
  /// Processes whose directories are kept open; of others, files are found as long as they live.
  private static let limit = 256

  private var roots: [Int32: TargetRoot] = [:]

  package init() {}

  /// A path of the process's root directory that stays valid when the process has ended; nil where it is this process's own.
  package func path(of pid: Int32) -> String? {
    if let known = roots[pid] { return known.path }
    let root = TargetRoot(of: pid)
    if roots.count < Self.limit { roots[pid] = root }
    return root.path
  }

  /// Looks which processes have another root directory than before. Returns these, with the paths of it.
  package func follow() -> [(pid: Int32, path: String?)] {
    var changed: [(pid: Int32, path: String?)] = []
    for pid in roots.keys where roots[pid]?.follow() ?? false { changed.append((pid, roots[pid]?.path)) }
    return changed
  }

  /// What a run-time compiler in the process has written of its code; see `TargetRoot`.
  package func readPerfMap(of pid: Int32) -> [UInt8] { (roots[pid] ?? TargetRoot(of: pid)).readPerfMap() }

  /// All directories, which stay open as long as somebody has these.
  package var directories: [OpenDirectory] { roots.values.flatMap(\.directories) }
}
