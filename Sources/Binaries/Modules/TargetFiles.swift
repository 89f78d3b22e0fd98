internal import Glibc

/// How a process's files are reached.
package struct TargetFiles: Sendable {
  private var pid: Int32
  /// The target's root directory, below which its paths lead to its files, then those that it had before, and then this
  /// process's own: "" is `/`.
  package private(set) var roots: [String]
  /// Where files of a recording are found by their build-id; nil for a process of this machine that lives, or has lived until a
  /// moment ago.
  private let store: BuildIDStore?
  /// The directory of /proc in which a process's mapped files are found.
  private let directory: @Sendable (Int32) -> String

  /// The files of a process of this machine. `directory`: see `TraceSource`'s `ProcessDirectory`, which knows where that is not
  /// /proc/PID. `root`: a path of the target's root directory that leads there even when the process has ended; nil if that is
  /// this process's own.
  package init(
    pid: Int32, root: String?, directory: @escaping @Sendable (Int32) -> String = { "/proc/\($0)" }
  ) {
    self.pid = pid
    self.directory = directory
    roots = root.map { [$0, ""] } ?? [""]
    store = nil
  }

  /// The files of a process in a recording: by now another process may have its number. `root`: the directory that has the
  /// process's files; empty for this machine's own.
  package init(recorded pid: Int32, root: String = "") { self.init(recorded: pid, root: root, store: .shared) }

  /// `store`: where files are found by their build-id that are not at their paths.
  init(recorded pid: Int32, root: String, store: BuildIDStore) {
    self.pid = pid
    roots = [root]
    self.store = store
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

  /// Where a file is that was mapped. `buildID`: empty if it is not known.
  func place(of name: String, mappedAt start: UInt64, length: UInt64, buildID: [UInt8] = []) -> ModulePlace {
    let (path, others) = ((roots.first ?? "") + name, roots.dropFirst().map { $0 + name })
    if let store {
      return ModulePlace(link: nil, path: path, others: others + store.images(buildID), isServed: !buildID.isEmpty)
    }
    let directory = directory(pid)
    let range = String(start, radix: 16) + "-" + String(start &+ length, radix: 16)
    return ModulePlace(
      link: "\(directory)/map_files/\(range)", root: Self.text(ofLink: "\(directory)/root") ?? "/", path: path,
      others: others)
  }

  /// Where a link of /proc says that it leads, below this process's root; nil where there is none.
  static func text(ofLink link: String) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
  }
}
