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

  /// `holds`: it is opened now, so that it can be read later, when it has been deleted or its process has ended.
  init(_ identity: ModuleIdentity, at place: ModulePlace, holds: Bool, finder: DebugFileFinder) {
    self.identity = identity
    reference = ModuleReference(identity, Self.contents(identity, place, holds: holds), finder)
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
      leads(link, to: identity) || proves(linked, identity)
    {
      return holds ? .file(linked, path: place.path, isMapped: true) : .path(link, isMapped: true)
    }
    for path in [place.path] + place.others {
      guard let file = try? ImageFile(path: path), proves(file, identity) else { continue }
      return holds ? .file(file, path: path, isMapped: false) : .path(path, isMapped: false)
    }
    if holds, let file = try? ImageFile(path: place.path) { return .file(file, path: place.path, isMapped: false) }
    return .path(place.path, isMapped: false)
  }

  /// Whether a file is the one that was mapped, whatever its path; false where that cannot be told.
  private static func proves(_ file: ImageFile, _ identity: ModuleIdentity) -> Bool {
    if identity.buildID.isEmpty { return identity.inode != 0 && file.inode == identity.inode }
    guard let image = try? ELFImage(bytes: ImageBytes(of: file), path: identity.path), let found = image.buildID else {
      return false
    }
    return found.prefix(20) == identity.buildID.prefix(20)
  }

  /// Whether a link of /proc says that it leads there. It has the path below this process's root, the identity below the
  /// target's. File systems on top of others show several inodes for one file.
  private static func leads(_ link: String, to identity: ModuleIdentity) -> Bool {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &bytes, bytes.count)
    guard count > 0, identity.path.hasPrefix("/") else { return false }
    let target = String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return target.hasSuffix(identity.path) || target.hasSuffix(identity.path + " (deleted)")
  }

  /// Opens the file if that has not been tried yet; nil if it cannot be used.
  func open() -> OpenedImage? {
    if isTried { return opened }
    isTried = true
    opened = try? reference.open()
    return opened
  }
}

/// An image with what is read of it by and by.
final class OpenedImage {
  private(set) var functions: FunctionTable
  private var frames: FrameInformation
  private let finder: DebugFileFinder
  private let segments: [ELFSegment]
  /// Those that are not code as well.
  private let loaded: [ELFSegment]
  private let entryPoint: UInt64?

  init(_ image: consuming ELFImage, finder: DebugFileFinder) {
    loaded = image.segments.filter(\.isLoaded)
    segments = loaded.filter(\.isExecutable)
    entryPoint = image.entryPoint
    frames = FrameInformation()
    functions = FunctionTable(of: image, finder: finder)
    self.finder = finder
  }

  var is64Bit: Bool { functions.image.is64Bit }

  /// The address that the byte at a file offset has before the image is moved; nil outside of the code.
  func address(ofFileOffset offset: UInt64) -> UInt64? {
    for segment in segments where offset >= segment.fileOffset && offset - segment.fileOffset < segment.fileSize {
      return segment.address &+ (offset - segment.fileOffset)
    }
    // A segment is mapped by whole pages: what lies beside it in the file is mapped with it.
    for segment in segments where offset >= segment.fileOffset & ~0xFFF && segment.fileSize > 0 {
      let (last, overflow) = segment.fileOffset.addingReportingOverflow(segment.fileSize - 1)
      guard !overflow, offset <= last | 0xFFF else { continue }
      return segment.address &+ (offset &- segment.fileOffset)
    }
    return nil
  }

  /// The part of `range` where code of the file belongs, and where in the file it begins, by the place of another mapping of
  /// the file; nil where there is none.
  func code(in range: Range<UInt64>, beside other: FileMapping) -> (range: Range<UInt64>, fileOffset: UInt64)? {
    // A page of the file can be a part of two segments; a mapping mostly begins with its own.
    let own = loaded.filter { $0.pages.lowerBound == other.fileOffset }
    for anchor in own + loaded.filter({ $0.pages.contains(other.fileOffset) }) {
      // A segment's address in memory is this much above its own.
      let bias = other.start &- anchor.address &- (other.fileOffset &- anchor.fileOffset)
      for segment in segments {
        let (first, end) = (segment.address &+ bias, segment.address &+ bias &+ segment.fileSize)
        let (start, last) = (max(range.lowerBound, first & ~0xFFF), min(range.upperBound, (end &+ 0xFFF) & ~0xFFF))
        if first < end, start < last { return (start..<last, segment.fileOffset &+ (start &- first)) }
      }
    }
    return nil
  }

  func row(for address: UInt64, _ budget: inout FrameBudget) throws(CFIError) -> (row: CFIRow, section: FrameSection)? {
    try frames.row(for: address, in: functions.image, finder: finder, &budget)
  }

  /// The instructions around a file offset.
  func code(aroundFileOffset offset: UInt64) -> CodeWindow {
    let before = min(offset, UInt64(CodeWindow.reach))
    let size = functions.image.bytes.size
    guard offset < size else { return CodeWindow() }
    let count = min(before + UInt64(CodeWindow.reach), size - (offset - before))
    guard let bytes = functions.image.bytes.read(at: offset - before, count: count) else { return CodeWindow() }
    return CodeWindow(bytes, here: Int(before))
  }

  /// Whether a return address lies in the first instructions of the program, which some C libraries write without call
  /// frame information.
  func isEntry(_ address: UInt64) -> Bool {
    guard let entryPoint, entryPoint != 0, address >= entryPoint else { return false }
    return address - entryPoint < 48
  }

  /// The file's own DWARF, else its separate debug file's; nil where there is none, or too much.
  func debugInformation(_ budget: DebugBudget) -> DebugInformation? {
    if DebugSections.hasUnits(functions.image) { return debugInformation(of: functions.image, budget) }
    guard let file = finder.find(for: functions.image) else { return nil }
    return debugInformation(of: file, budget)
  }

  private func debugInformation(of image: borrowing ELFImage, _ budget: DebugBudget) -> DebugInformation? {
    guard let file = finder.findAlternate(of: image) else { return DebugInformation(of: image, budget) }
    return DebugInformation(of: image, alternate: DebugInformation(of: file, budget), budget)
  }

  /// The function whose code an address is a part of.
  func function(containing address: UInt64) -> Function? {
    (try? functions.function(containing: address)) ?? nil
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
    try self.init(bytes: ImageBytes(adopting: memory), path: path)
  }

  /// Where the kernel, or the dynamic loader, starts a program; nil if the header does not say.
  var entryPoint: UInt64? {
    // e_entry lies at the same place in headers of both classes.
    bytes.read(at: 24, count: is64Bit ? 8 : 4).flatMap { ImageData($0).word(at: 0, is64Bit: is64Bit) }
  }
}
