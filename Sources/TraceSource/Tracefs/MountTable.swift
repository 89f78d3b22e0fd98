internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage

/// Where tracefs is mounted.
///
/// libtracefs looks for it too, but takes the escapes of /proc/mounts for a part of the path, and does not see that another
/// file system covers a mount point: here it is asked which file system is really there.
struct MountTable {
  struct Mount: Equatable {
    var path: String
    var type: String
    var options: [String] = []
  }

  let mounts: [Mount]

  /// This process's mounts.
  static func read() throws(Errno) -> MountTable { MountTable(try SystemFiles.read("/proc/self/mounts")) }

  /// `DEVICE PATH TYPE OPTIONS 0 0` (man 5 fstab); white space and backslashes are `\` and three octal digits.
  init(_ text: String) {
    mounts = text.split(separator: "\n").compactMap { line in
      let columns = line.split(separator: " ")
      guard columns.count >= 3 else { return nil }
      return Mount(
        path: Self.unescaped(columns[1]), type: String(columns[2]),
        options: columns.count > 3 ? columns[3].split(separator: ",").map(String.init) : [])
    }
  }

  static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      guard byte == UInt8(ascii: "\\"), digits.count == 3,
        let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      else {
        bytes.append(byte)
        continue
      }
      bytes.append(code)
      rest = rest.dropFirst(3)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Directories that should be tracefs' root: mount points of it, then debugfs' own.
  var candidates: [String] {
    mounts.filter { $0.type == "tracefs" }.map(\.path)
      + mounts.filter { $0.type == "debugfs" }.map { $0.path + "/tracing" }
  }

  /// What was mounted last at `path`, and so covers what was there before; nil where that is tracefs.
  func cover(of path: String) -> String? {
    mounts.last { path == $0.path || path.hasPrefix($0.path == "/" ? "/" : $0.path + "/") }
      .flatMap { ["tracefs", "debugfs"].contains($0.type) ? nil : "\($0.type) on \($0.path)" }
  }

  /// Whether the file system at `path` is tracefs. Looking mounts debugfs' own.
  static func isTracefs(_ path: String) -> Bool {
    var status = statfs()
    return statfs(path, &status) == 0 && UInt32(truncatingIfNeeded: status.f_type) == KDELAY_TRACEFS_MAGIC
  }
}
