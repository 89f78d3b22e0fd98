/// A module as a value: how to read its file, on another thread and at a later time, wherever it went.
package struct ModuleReference: Sendable {
  /// Where the module's bytes are. `isMapped`: it is the very file that is mapped; what a path leads to may be another one by
  /// now.
  enum Contents: Sendable {
    /// An open file. `path`: where the file was, for what is looked for beside it.
    case file(ImageFile, path: String, isMapped: Bool)
    case path(String, isMapped: Bool)
    case memory([UInt8])
  }

  package let identity: ModuleIdentity
  private let contents: Contents
  private let finder: DebugFileFinder
  /// Whether servers are asked for the file itself, if what is there cannot be used.
  private let isServed: Bool

  init(_ identity: ModuleIdentity, _ contents: Contents, _ finder: DebugFileFinder, isServed: Bool = false) {
    self.identity = identity
    self.contents = contents
    self.finder = finder
    self.isServed = isServed
  }

  /// Opens an image of its own for the caller's thread. `asksServers`: servers are asked for the debug file that is missing.
  /// Throws where another file is there now.
  func open(asksServers: Bool = false) throws(ImageError) -> OpenedImage {
    var finder = finder
    finder.asksServers = asksServers
    do throws(ImageError) { return try open(finder) } catch {
      guard isServed, let path = DebugInfoServer.shared.find(.program, buildID: identity.buildID),
        let file = try? ImageFile(path: path)
      else { throw error }
      return try open(file, path: path, isMapped: false, finder)
    }
  }

  private func open(_ finder: DebugFileFinder) throws(ImageError) -> OpenedImage {
    switch contents {
    case .memory(let bytes): return OpenedImage(try ELFImage(memory: bytes, path: identity.path), finder: finder)
    case .file(let file, let path, let isMapped):
      return try open(file, path: path, isMapped: isMapped, finder)
    case .path(let path, let isMapped):
      return try open(ImageFile(path: path), path: path, isMapped: isMapped, finder)
    }
  }

  private func open(_ file: ImageFile, path: String, isMapped: Bool, _ finder: DebugFileFinder) throws(ImageError)
    -> OpenedImage
  {
    let image = try ELFImage(bytes: ImageBytes(of: file), path: path, allowsForeign: true)
    let isSame: Bool
    if !identity.buildID.isEmpty, let found = image.buildID {
      // The kernel's MMAP2 records hold at most 20 bytes of it.
      isSame = found.prefix(20) == identity.buildID.prefix(20)
    } else {
      // Of a file that is mapped it is not compared: file systems on top of others show several.
      isSame = isMapped || identity.inode == 0 || file.inode == identity.inode
    }
    guard isSame else { throw .otherBuild(path: identity.path) }
    return OpenedImage(image, finder: finder)
  }
}
