internal import TraceModel

/// Paths of a process's files as the kernel prints them.
enum TargetPath {
  private static let mark = " (deleted)"

  /// The path without the mark that the kernel appends where the path leads to the file no longer. Names may end like that,
  /// too: what the path, whole, still leads to is the very file. `directory`: the process's in /proc.
  static func name(_ path: String, of link: String, in directory: String) -> String {
    guard path.hasSuffix(mark) else { return path }
    if let file = FileIdentity(link), file == FileIdentity("\(directory)/root\(path)") { return path }
    return String(path.dropLast(mark.utf8.count))
  }
}

extension CodeMapping {
  /// The mapped file as this process can open it, whatever became of its path. Addresses are not padded there. `directory`: the
  /// process's in /proc.
  func link(in directory: String) -> String {
    "\(directory)/map_files/\(String(start, radix: 16))-\(String(start &+ length, radix: 16))"
  }
}
