/// A mapped file as the kernel names it.
package struct ModuleIdentity: Sendable, Hashable {
  /// The file's path as the target's mappings show it.
  package let path: String
  /// The file's inode number; 0 if it is not known. A file of another number at the path is another file, and is not used.
  package let inode: UInt64
  /// The device of the file system that the inode number belongs to; nil if it is not known.
  package let device: DeviceNumber?
  /// The file's build-id; empty if it is not known. It goes before the inode.
  package let buildID: [UInt8]

  package init(path: String, inode: UInt64 = 0, device: DeviceNumber? = nil, buildID: [UInt8] = []) {
    self.path = path
    self.inode = inode
    self.device = device
    self.buildID = buildID
  }

  /// The file's name without directories, as stacks show it.
  package var name: Substring { path.split(separator: "/").last ?? path[...] }
}

/// The number of a file system's device, as /proc/PID/maps and the kernel's records have it.
package struct DeviceNumber: Sendable, Hashable {
  package let major: UInt32
  package let minor: UInt32

  /// Takes the two parts of the number; nil for 0:0, which stands for no device.
  package init?(major: UInt32, minor: UInt32) {
    guard major != 0 || minor != 0 else { return nil }
    self.major = major
    self.minor = minor
  }

  /// Takes the number in the form that `stat` has it in; nil for 0:0.
  init?(status device: UInt64) {
    self.init(
      major: UInt32(truncatingIfNeeded: device >> 8 & 0xFFF | device >> 32 & 0xFFFF_F000),
      minor: UInt32(truncatingIfNeeded: device & 0xFF | device >> 12 & 0xFFFF_FF00))
  }
}

/// How this process opens a module's file.
package struct ModulePlace: Sendable {
  /// A path that leads to the very file that is mapped, whatever its path names by now: one of `/proc/PID/map_files`.
  package let link: String?
  /// The target's root directory as this process sees it, which the link's text begins with.
  package let root: String
  /// A path to a file that has to prove by the identity that it is the mapped one.
  package let path: String
  /// More paths, which are tried if `path` does not lead to the mapped file. Their files have to prove themselves too.
  package let others: [String]
  /// Whether servers are asked for the file by its build-id, if it is in none of these places.
  package let isServed: Bool

  package init(link: String?, root: String = "/", path: String, others: [String] = [], isServed: Bool = false) {
    self.link = link
    self.root = root
    self.path = path
    self.others = others
    self.isServed = isServed
  }
}
