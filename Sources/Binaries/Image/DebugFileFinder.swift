internal import CElfUtils
internal import Glibc

/// Finds the file with the symbols that a distribution split off from an image, where gdb looks for it too.
package struct DebugFileFinder: Sendable {
  /// The directories that `/usr/lib/debug` is looked for in: "" for this system's, `/proc/PID/root` for a container's.
  package let roots: [String]
  /// The image's path as seen from the roots, where it is opened by another, as by a link of /proc.
  private let knownAs: String?
  /// Whether servers are asked too, which can take long: not where a stream of events waits meanwhile.
  package var asksServers = false

  /// Searches below `roots`. What is looked for as the image's neighbour or by its path is looked for below each root, if
  /// `knownAs` is given.
  package init(roots: [String] = [""], knownAs: String? = nil) {
    self.roots = roots
    self.knownAs = knownAs
  }

  /// The debug file of `image`: by build-id, else by the name and the CRC of its .gnu_debuglink. A file of another
  /// build-id is not taken. Nil if there is none.
  package func find(for image: borrowing ELFImage) -> ELFImage? {
    let buildID = image.buildID
    if let buildID, let found = first(of: candidates(buildID: buildID), buildID) { return found }
    if let found = findLinked(image, buildID) { return found }
    guard let buildID else { return nil }
    return findServed(buildID)
  }

  /// The file that dwz has moved to what `image` and others have in common: by the build-id, and the path, of its
  /// .gnu_debugaltlink. Nil if there is none.
  func findAlternate(of image: borrowing ELFImage) -> ELFImage? {
    guard let link = image.alternateLink else { return nil }
    if let found = first(of: candidates(buildID: link.buildID) + candidates(link, image: image.path), link.buildID) {
      return found
    }
    return findServed(link.buildID)
  }

  /// The first file of that build-id.
  private func first(of paths: [String], _ buildID: [UInt8]) -> ELFImage? {
    for path in paths {
      guard let bytes = try? ImageBytes(path: path),
        let found = try? ELFImage(bytes: bytes, path: path, allowsObjects: true, allowsForeign: true),
        found.buildID == buildID
      else { continue }
      return found
    }
    return nil
  }

  private func findServed(_ buildID: [UInt8]) -> ELFImage? {
    guard asksServers, let path = DebugInfoServer.shared.find(buildID: buildID) else { return nil }
    return first(of: [path], buildID)
  }

  private func findLinked(_ image: borrowing ELFImage, _ buildID: [UInt8]?) -> ELFImage? {
    guard let link = image.debugLink else { return nil }
    for path in candidates(link: link, image: image.path) where path != image.path {
      guard let bytes = try? ImageBytes(path: path),
        let found = try? ELFImage(bytes: bytes, path: path, allowsForeign: true), found.bytes.checksum == link.checksum
      else { continue }
      if let buildID, let other = found.buildID, other != buildID { continue }
      return found
    }
    return nil
  }

  private func candidates(buildID: [UInt8]) -> [String] {
    guard let name = BuildIDName(buildID) else { return [] }
    if roots.isEmpty { return [] }
    return roots.map { "\($0)/usr/lib/debug/.build-id/\(name.path).debug" } + BuildIDStore.shared.debugFiles(buildID)
  }

  private static func directory(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  private func candidates(_ link: AlternateLink, image: String) -> [String] {
    if link.path.hasPrefix("/") { return roots.map { $0 + link.path } }
    return ["\(Self.directory(of: image))/\(link.path)"]
      + (knownAs.map { path in roots.map { "\($0)\(Self.directory(of: path))/\(link.path)" } } ?? [])
  }

  private func candidates(link: DebugLink, image: String) -> [String] {
    var candidates: [String] = []
    if knownAs == nil {
      candidates += ["\(Self.directory(of: image))/\(link.name)", "\(Self.directory(of: image))/.debug/\(link.name)"]
    }
    for root in roots {
      // Below a root the debug files repeat the paths as seen from that root.
      var inside = Self.directory(of: knownAs ?? image)
      if knownAs != nil {
        candidates += ["\(root)\(inside)/\(link.name)", "\(root)\(inside)/.debug/\(link.name)"]
      } else if !root.isEmpty, inside.hasPrefix(root + "/") {
        inside = String(inside.dropFirst(root.count))
      }
      candidates.append("\(root)/usr/lib/debug\(inside)/\(link.name)")
      // With /lib a link to /usr/lib, the package's files are below one of the two names.
      if !inside.hasPrefix("/usr/") { candidates.append("\(root)/usr/lib/debug/usr\(inside)/\(link.name)") }
    }
    return candidates
  }
}

extension ImageBytes {
  /// The most bytes that a checksum is computed of. Debug files have some gigabytes at most; one that is mostly a hole may be as
  /// large as it likes.
  private static let checksumLimit: UInt64 = 4 << 30

  /// The CRC-32 of all bytes, by zlib, which libelf needs anyway; nil if there are too many.
  var checksum: UInt32? {
    guard size <= Self.checksumLimit else { return nil }
    var checksum = crc32(0, nil, 0)
    var offset: UInt64 = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { buffer.deallocate() }
    while offset < size {
      let count = read(at: offset, into: buffer)
      guard count > 0 else { return nil }
      checksum = crc32(checksum, buffer.bindMemory(to: UInt8.self).baseAddress, UInt32(count))
      offset += UInt64(count)
    }
    return UInt32(truncatingIfNeeded: checksum)
  }
}
