internal import TraceModel

/// A file of which a process has code mapped.
package struct MappedFile: Sendable, Equatable {
  private struct Identity: Hashable {
    let major: UInt32
    let minor: UInt32
    let inode: UInt64
  }

  /// Its path as the process knows it; it may be gone, or another file by now.
  package var path: String
  /// The very file, as this process can open it, whatever became of its path.
  package var link: String

  /// The mapped files of a process, in the order of their addresses; its program is not always the first.
  package static func all(of pid: Int32) -> [MappedFile] { of(CodeMapping.all(of: pid), ProcessDirectory.of(pid)) }

  /// `directory`: the process's in /proc.
  static func of(_ mappings: [CodeMapping], _ directory: String) -> [MappedFile] {
    var seen: Set<Identity> = []
    return mappings.compactMap { mapping in
      let identity = Identity(major: mapping.deviceMajor, minor: mapping.deviceMinor, inode: mapping.inode)
      guard mapping.inode != 0, seen.insert(identity).inserted else { return nil }
      let link = mapping.link(in: directory)
      return MappedFile(path: TargetPath.name(mapping.path, of: link, in: directory), link: link)
    }
  }
}
