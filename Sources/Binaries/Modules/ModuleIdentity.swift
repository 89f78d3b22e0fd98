/// A mapped file as the kernel names it.
package struct ModuleIdentity: Sendable, Hashable {
  /// As the target's mappings show it.
  package let path: String
  /// 0 if it is not known. A file of another number at the path is another file, and is not used.
  package let inode: UInt64
  /// Empty if it is not known; goes before the inode.
  package let buildID: [UInt8]

  package init(path: String, inode: UInt64 = 0, buildID: [UInt8] = []) {
    self.path = path
    self.inode = inode
    self.buildID = buildID
  }

  /// Its name without directories, as stacks show it.
  package var name: Substring { path.split(separator: "/").last ?? path[...] }
}

/// How this process opens a module's file.
package struct ModulePlace: Sendable {
  /// Leads to the very file that is mapped, whatever its path names by now: one of `/proc/PID/map_files`.
  package let link: String?
  /// Leads to a file that has to prove itself by the identity.
  package let path: String
  /// So do these, if that does not.
  package let others: [String]

  package init(link: String?, path: String, others: [String] = []) {
    self.link = link
    self.path = path
    self.others = others
  }
}
