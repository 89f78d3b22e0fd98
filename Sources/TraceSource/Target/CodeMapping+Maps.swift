internal import SystemCalls
package import TraceModel

extension CodeMapping {
  /// What process `pid` has mapped as code, by address; empty where it has ended. Paths are those below the process's root
  /// directory, as the kernel's records have them.
  package static func all(of pid: Int32) -> [CodeMapping] {
    let directory = ProcessDirectory.of(pid)
    return (try? SystemFiles.read("\(directory)/maps")).map { parse($0, root: root(of: directory)) } ?? []
  }

  /// What process `pid` has mapped as code, and what else it has mapped of files, by address; empty where it has ended.
  static func allOfFiles(of pid: Int32) -> [(mapping: CodeMapping, isCode: Bool)] {
    let directory = ProcessDirectory.of(pid)
    guard let text = try? SystemFiles.read("\(directory)/maps") else { return [] }
    let root = root(of: directory)
    return MapsLine.lines(of: text).compactMap { line in
      guard var line = MapsLine(line), line.isCode || line.path.hasPrefix("/") else { return nil }
      line.removeRoot(root)
      return (line.code, line.isCode)
    }
  }

  /// The process's root directory as this process sees it, which its list of mappings has before each path; empty for `/`.
  fileprivate static func root(of directory: String) -> String {
    let path = (try? SystemFiles.link("\(directory)/root")) ?? ""
    return path == "/" ? "" : path
  }

  /// `START-END PERMISSIONS OFFSET DEVICE INODE PATH`, man 5 proc_pid_maps. `root`: what comes before each path.
  package static func parse(_ text: String, root: String = "") -> [CodeMapping] {
    let lines = MapsLine.lines(of: text)
    return lines.indices.compactMap { index in
      guard var mapping = MapsLine(lines[index]), mapping.isCode else { return nil }
      mapping.removeRoot(root)
      var code = mapping.code
      if code.hasNoFile { code.neighbours = neighbours(of: index, in: lines, root: root) }
      return code
    }
  }

  /// Pieces of a copy, which the kernel lists apart where some have large pages.
  private static let pieceLimit = 16

  /// The files' mappings right before and behind the memory without a file that line `index` is a piece of.
  private static func neighbours(of index: Int, in lines: [Substring], root: String) -> [CodeMapping] {
    [-1, 1].compactMap { step in
      guard var last = MapsLine(lines[index]) else { return nil }
      for place in 1...pieceLimit {
        let next = index + step * place
        guard lines.indices.contains(next), var line = MapsLine(lines[next]),
          step < 0 ? line.end == last.start : line.start == last.end
        else { return nil }
        if !line.code.hasNoFile {
          line.removeRoot(root)
          return line.path.hasPrefix("/") ? line.code : nil
        }
        guard line.isCode else { return nil }
        last = line
      }
      return nil
    }
  }
}

extension FileMapping {
  /// What process `pid` has mapped that has a name, by address; empty where it has ended.
  package static func all(of pid: Int32) -> [FileMapping] {
    let directory = ProcessDirectory.of(pid)
    guard let text = try? SystemFiles.read("\(directory)/maps") else { return [] }
    let root = CodeMapping.root(of: directory)
    return MapsLine.lines(of: text).compactMap { line in
      guard var mapping = MapsLine(line), mapping.path != "//anon" else { return nil }
      mapping.removeRoot(root)
      return FileMapping(addresses: mapping.start..<mapping.end, path: mapping.path)
    }
  }
}
