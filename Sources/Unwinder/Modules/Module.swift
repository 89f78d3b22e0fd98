internal import CElfUtils
internal import Glibc

/// A file that code runs from.
package final class Module {
  enum Source: Sendable {
    /// `isSure`: the file that is mapped under the module's path. What the path itself leads to may be another one by now.
    case file(String, isSure: Bool)
    case memory([UInt8])
  }

  package let identity: ModuleIdentity
  private let finder: DebugFileFinder
  private let source: Source
  /// Of the file, while it can still be opened; -1 for none.
  private let descriptor: Int32
  private var isTried = false
  private var opened: OpenedImage?
  /// Why it cannot be used; nil as long as nothing failed.
  package private(set) var failure: String?

  /// `holds`: it is opened now, so that it can be read later, when it has been deleted or its process has ended.
  init(_ identity: ModuleIdentity, at place: ModulePlace, holds: Bool, finder: DebugFileFinder) {
    self.identity = identity
    self.finder = finder
    // By now, something else may be mapped there.
    let linked = place.link.flatMap { Self.leads($0, to: identity.path) ? Self.open($0) : nil } ?? -1
    let found = linked >= 0 ? linked : holds ? Self.open(place.path) : -1
    if found >= 0, holds {
      descriptor = found
      source = .file("/proc/self/fd/\(found)", isSure: linked >= 0)
    } else {
      if found >= 0 { close(found) }
      descriptor = -1
      source = .file(linked >= 0 ? place.link ?? place.path : place.path, isSure: linked >= 0)
    }
  }

  init(memory bytes: [UInt8], name: String) {
    identity = ModuleIdentity(path: name)
    finder = DebugFileFinder(roots: [])
    descriptor = -1
    source = .memory(bytes)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  private static func leads(_ link: String, to path: String) -> Bool {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &bytes, bytes.count)
    guard count > 0 else { return false }
    let target = String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return target == path || target == path + " (deleted)"
  }

  private static func open(_ path: String) -> Int32 {
    let descriptor = Glibc.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0 else { return -1 }
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG { return descriptor }
    close(descriptor)
    return -1
  }

  /// What another thread reads the same file by.
  package var reference: ModuleReference { ModuleReference(self, source, finder) }

  /// Opens the file if that has not been tried yet; nil if it cannot be used.
  func open() -> OpenedImage? {
    if isTried { return opened }
    isTried = true
    do throws(ImageError) { opened = try reference.open() } catch { failure = "\(error)" }
    return opened
  }
}

/// A module as a value: how to open its file, wherever it went.
///
/// What makes it `Sendable`: of the module nothing is used; it only has to exist, since it holds the file open.
package struct ModuleReference: @unchecked Sendable {
  package let identity: ModuleIdentity
  let source: Module.Source
  let finder: DebugFileFinder
  private let holder: AnyObject

  fileprivate init(_ module: Module, _ source: Module.Source, _ finder: DebugFileFinder) {
    identity = module.identity
    self.source = source
    self.finder = finder
    holder = module
  }

  /// Opens the file anew. `asksServers`: for what it lacks.
  func open(asksServers: Bool = false) throws(ImageError) -> OpenedImage {
    var finder = finder
    finder.asksServers = asksServers
    switch source {
    case .memory(let bytes): return OpenedImage(try ELFImage(memory: bytes, path: identity.path), finder: finder)
    case .file(let path, let isSure):
      let image = try ELFImage(path: path)
      guard isSame(image, isMapped: isSure) else {
        throw .unsupported(path: identity.path, reason: "another file is there now")
      }
      return OpenedImage(image, finder: finder)
    }
  }

  /// Of a file that is mapped, the inode is not compared: file systems on top of others show several.
  private func isSame(_ image: borrowing ELFImage, isMapped: Bool) -> Bool {
    if !identity.buildID.isEmpty, let found = image.buildID {
      // The kernel's MMAP2 records hold at most 20 bytes of it.
      return found.prefix(20) == identity.buildID.prefix(20)
    }
    return isMapped || identity.inode == 0 || image.bytes.inode == nil || image.bytes.inode == identity.inode
  }
}

/// An image with what is read of it by and by.
final class OpenedImage {
  private(set) var functions: FunctionTable
  private var frames: FrameInformation
  private let finder: DebugFileFinder
  private let segments: [ELFSegment]
  private let entryPoint: UInt64?

  init(_ image: consuming ELFImage, finder: DebugFileFinder) {
    segments = image.segments.filter { $0.isLoaded && $0.isExecutable }
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

  /// The file's own DWARF, else its separate debug file's; nil where there is none.
  func debugInformation(_ module: ModuleReference) -> DebugInformation? {
    guard case .file(let path, _) = module.source else { return nil }
    if functions.image.section(named: ".debug_info") != nil || functions.image.section(named: ".zdebug_info") != nil,
      let own = DebugInformation(path: path)
    {
      return own
    }
    guard let file = finder.find(for: functions.image) else { return nil }
    return DebugInformation(path: file.path)
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

extension ImageBytes {
  /// Of the file that is open, whatever its path names by now; nil of memory.
  var inode: UInt64? {
    guard case .file(let file) = storage else { return nil }
    var status = stat()
    return fstat(file, &status) == 0 ? UInt64(status.st_ino) : nil
  }
}
