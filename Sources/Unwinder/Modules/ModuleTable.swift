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

/// A module's number in its table. Never used again: what is cached by it stays true.
package struct ModuleID: Sendable, Hashable, BitwiseCopyable {
  package let number: UInt32

  /// Memory without a file: a run-time compiler's code.
  package static let anonymous = ModuleID(number: .max - 1)

  /// The page that the kernel maps into a process for its probes, `[uprobes]`.
  package static let probes = ModuleID(number: .max - 3)

  /// The kernel and its modules.
  package static let kernel = ModuleID(number: .max - 2)

  init(number: UInt32) { self.number = number }

  package var isAnonymous: Bool { self == .anonymous }
}

/// The programs, libraries and memory images that code runs from. Files are opened when a stack first goes through them.
///
/// Shared by an unwinder and the symbolizer of its frames, on one thread.
package final class ModuleTable {
  /// A hostile target maps new files for ever.
  private static let limit = 1 << 16

  private var modules: [Module] = []
  private var numbers: [ModuleIdentity: UInt32] = [:]

  package init() {}

  /// How many there are.
  package var count: Int { modules.count }

  /// Files that are held open from when they are mapped; those after them are opened when a stack goes through them.
  static let heldLimit = 1024

  /// The number of a file. `place`: how to open it, if not by the path that the target knows it by.
  package func add(
    _ identity: ModuleIdentity, at place: ModulePlace? = nil, finder: DebugFileFinder = DebugFileFinder()
  )
    -> ModuleID
  {
    if let known = numbers[identity] { return ModuleID(number: known) }
    guard modules.count < Self.limit else { return .anonymous }
    let module = Module(
      identity, at: place ?? ModulePlace(link: nil, path: identity.path), holds: modules.count < Self.heldLimit,
      finder: finder)
    numbers[identity] = UInt32(modules.count)
    modules.append(module)
    return ModuleID(number: UInt32(modules.count - 1))
  }

  /// The number of an image that is only in memory: the vdso. A mapping of it has file offset 0.
  package func add(memory bytes: [UInt8], name: String) -> ModuleID {
    guard modules.count < Self.limit else { return .anonymous }
    modules.append(Module(memory: bytes, name: name))
    return ModuleID(number: UInt32(modules.count - 1))
  }

  /// Nil for anonymous memory.
  package subscript(id: ModuleID) -> Module? {
    modules.indices.contains(Int(id.number)) ? modules[Int(id.number)] : nil
  }
}
