internal import CElfUtils
internal import Glibc
internal import TraceModel

/// A file that code runs from.
package final class Module {
  package let identity: ModuleIdentity
  /// What another thread reads the same file by.
  package let reference: ModuleReference
  private var isTried = false
  private var opened: OpenedImage?

  /// Takes the file that `place` leads to. `holds`: the file is opened now, so that it can be read later, when it has been
  /// deleted or its process has ended.
  init(_ identity: ModuleIdentity, at place: ModulePlace, holds: Bool, finder: DebugFileFinder) {
    self.identity = identity
    reference = ModuleReference(
      identity, Self.contents(identity, place, holds: holds), finder, isServed: place.isServed)
  }

  init(memory bytes: [UInt8], name: String) {
    identity = ModuleIdentity(path: name)
    reference = ModuleReference(identity, .memory(bytes), DebugFileFinder(roots: []))
  }

  private static func contents(_ identity: ModuleIdentity, _ place: ModulePlace, holds: Bool)
    -> ModuleReference.Contents
  {
    // By now, something else may be mapped there.
    if let link = place.link, let linked = try? ImageFile(path: link),
      leads(link, to: identity, below: place.root) || proves(linked, identity)
    {
      return holds ? .file(linked, path: place.path, isMapped: true) : .path(link, isMapped: true)
    }
    for path in [place.path] + place.others {
      guard let file = try? ImageFile(path: path), proves(file, identity, isAtItsPath: path == place.path) else {
        continue
      }
      return holds ? .file(file, path: path, isMapped: false) : .path(path, isMapped: false)
    }
    if holds, let file = try? ImageFile(path: place.path) { return .file(file, path: place.path, isMapped: false) }
    return .path(place.path, isMapped: false)
  }

  /// Whether a file is the one that was mapped; false where that cannot be told. File systems on top of others (overlay, btrfs)
  /// show another device to `stat` than in mappings: then the path, below the target's own root, has to be the file's too.
  private static func proves(_ file: ImageFile, _ identity: ModuleIdentity, isAtItsPath: Bool = false) -> Bool {
    if identity.buildID.isEmpty {
      guard identity.inode != 0, file.inode == identity.inode else { return false }
      return identity.device == nil || file.device == identity.device || isAtItsPath
    }
    guard let image = try? ELFImage(bytes: ImageBytes(of: file), path: identity.path, allowsForeign: true),
      let found = image.buildID
    else {
      return false
    }
    return found.prefix(20) == identity.buildID.prefix(20)
  }

  /// Whether a link of /proc says that it leads there. It has the path below this process's root, the identity that below the
  /// target's; what lies outside of that has the same path in both. File systems on top of others show several inodes for one
  /// file.
  private static func leads(_ link: String, to identity: ModuleIdentity, below root: String) -> Bool {
    guard identity.path.hasPrefix("/"), let target = TargetFiles.text(ofLink: link) else { return false }
    let path = identity.path
    let paths = root == "/" ? [path] : [root + path, path]
    return paths.contains { target == $0 || target == $0 + " (deleted)" }
  }

  /// Opens the file if that has not been tried yet; nil if it cannot be used.
  func open() -> OpenedImage? {
    if isTried { return opened }
    isTried = true
    opened = try? reference.open()
    return opened
  }
}

extension ELFImage {
  /// An image in memory that is laid out as a file.
  init(memory bytes: [UInt8], path: String) throws(ImageError) {
    guard let copy = malloc(max(bytes.count, 1)) else {
      throw .unsupported(path: path, reason: "there is no memory for it")
    }
    let memory = UnsafeMutableRawBufferPointer(start: copy, count: bytes.count)
    memory.copyBytes(from: bytes)
    try self.init(bytes: ImageBytes(adopting: memory), path: path, allowsForeign: true)
  }

  /// Where the kernel, or the dynamic loader, starts a program; nil if the header does not say.
  var entryPoint: UInt64? {
    // e_entry lies at the same place in headers of both classes.
    bytes.read(at: 24, count: is64Bit ? 8 : 4).flatMap { SectionBytes($0).word(at: 0, is64Bit: is64Bit) }
  }
}
