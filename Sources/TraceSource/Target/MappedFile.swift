/// A file of which a process has code mapped.
package struct MappedFile: Sendable, Equatable {
  /// Its path as the process knows it; it may be gone, or another file by now.
  package var path: String
  /// The very file, as this process can open it, whatever became of its path.
  package var link: String

  /// The mapped files of a process, in the order of their addresses; its program is not always the first.
  package static func all(of pid: Int32) -> [MappedFile] {
    guard let text = try? SystemFiles.read("/proc/\(pid)/maps") else { return [] }
    return parse(text, pid: pid)
  }

  /// `START-END PERMISSIONS OFFSET DEVICE INODE PATH`, man 5 proc_pid_maps.
  static func parse(_ text: String, pid: Int32) -> [MappedFile] {
    var files: [MappedFile] = []
    var seen: Set<[Substring]> = []
    for line in text.split(separator: "\n") {
      let columns = line.split(separator: " ", maxSplits: 5)
      guard columns.count == 6, columns[1].contains("x"), columns[4] != "0", !seen.contains([columns[3], columns[4]])
      else { continue }
      // There the addresses are not padded.
      let range = columns[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      guard range.count == 2 else { continue }
      seen.insert([columns[3], columns[4]])
      var path = columns[5].drop { $0 == " " }
      if path.hasSuffix(" (deleted)") { path = path.dropLast(10) }
      files.append(
        MappedFile(
          path: String(path).replacing("\\012", with: "\n"),
          link: "/proc/\(pid)/map_files/\(String(range[0], radix: 16))-\(String(range[1], radix: 16))"))
    }
    return files
  }
}
