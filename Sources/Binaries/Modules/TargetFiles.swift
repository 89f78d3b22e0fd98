/// How a process's files are reached.
package struct TargetFiles: Sendable {
  private var pid: Int32
  /// The target's root directory, below which its paths lead to its files, then those that it had before, and then this
  /// process's own: "" is `/`.
  package private(set) var roots: [String]
  /// Whether it is a process of this machine that lives, or has lived until a moment ago.
  private let isLive: Bool
  /// The directory of /proc in which a process's mapped files are found.
  private let directory: @Sendable (Int32) -> String

  /// `directory`: see `TraceSource`'s `ProcessDirectory`, which knows where that is not /proc/PID. `root`: a path of the target's root directory that leads there even when the process has ended; nil if that is this
  /// process's own.
  package init(
    pid: Int32, root: String?, directory: @escaping @Sendable (Int32) -> String = { "/proc/\($0)" }
  ) {
    self.pid = pid
    self.directory = directory
    roots = root.map { [$0, ""] } ?? [""]
    isLive = true
  }

  /// Of a process in a recording: by now another one may have its number. `root`: the directory that has its files; empty
  /// for this machine's own.
  package init(recorded pid: Int32, root: String = "") {
    self.pid = pid
    roots = [root]
    isLive = false
    directory = { "/proc/\($0)" }
  }

  /// The target has another root directory, which `root` leads to; nil for this process's own.
  mutating func change(root: String?) { roots = [root ?? ""] + roots.filter { $0 != root ?? "" } }

  /// How the files of a process are reached that is a copy of this one.
  func copied(to child: Int32) -> TargetFiles {
    var files = self
    files.pid = child
    return files
  }

  func place(of path: String, mappedAt start: UInt64, length: UInt64) -> ModulePlace {
    let range = String(start, radix: 16) + "-" + String(start &+ length, radix: 16)
    return ModulePlace(
      link: isLive ? "\(directory(pid))/map_files/\(range)" : nil, path: (roots.first ?? "") + path,
      others: roots.dropFirst().map { $0 + path })
  }
}
