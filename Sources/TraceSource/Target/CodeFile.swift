internal import TraceModel

/// A file of the target's code.
package struct CodeFile: Sendable, Equatable {
  private struct Identity: Hashable {
    let major: UInt32
    let minor: UInt32
    let inode: UInt64
  }

  /// The file's path as the target sees it, for the operator; it may be gone, or another file by now.
  package var path: String
  /// The very file as this process can open it, whatever became of its path; without white space, since the kernel splits a
  /// probe's definition there.
  package var link: String

  /// The files of which a process has code mapped, in the order of their addresses; its program is not always the first.
  static func mapped(by pid: Int32) -> [CodeFile] { mapped(CodeMapping.all(of: pid), ProcessDirectory.of(pid)) }

  /// `directory`: the process's in /proc.
  static func mapped(_ mappings: [CodeMapping], _ directory: String) -> [CodeFile] {
    var seen: Set<Identity> = []
    return mappings.compactMap { mapping in
      let identity = Identity(major: mapping.deviceMajor, minor: mapping.deviceMinor, inode: mapping.inode)
      guard mapping.inode != 0, seen.insert(identity).inserted else { return nil }
      let link = mapping.link(in: directory)
      return CodeFile(path: TargetPath.name(mapping.path, of: link, in: directory), link: link)
    }
  }
}
