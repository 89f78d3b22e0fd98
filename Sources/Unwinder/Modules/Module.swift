internal import CElfUtils
internal import Glibc

/// A file that code runs from.
package final class Module {
  enum Source {
    case file(String)
    case memory([UInt8])
  }

  package let identity: ModuleIdentity
  private let finder: DebugFileFinder
  private var source: Source?
  private var opened: OpenedImage?
  /// Why it cannot be used; nil as long as nothing failed.
  package private(set) var failure: String?

  init(_ identity: ModuleIdentity, source: Source, finder: DebugFileFinder) {
    self.identity = identity
    self.source = source
    self.finder = finder
  }

  /// Its name without directories, as stacks show it.
  package var name: Substring { identity.path.split(separator: "/").last ?? identity.path[...] }

  /// Opens the file if that has not been tried yet; nil if it cannot be used.
  func open() -> OpenedImage? {
    guard let source else { return opened }
    self.source = nil
    do throws(ImageError) {
      let image: ELFImage
      switch source {
      case .memory(let bytes): image = try ELFImage(memory: bytes, path: identity.path)
      case .file(let path):
        image = try ELFImage(path: path)
        guard isSame(image) else {
          failure = "\(path) is another file now"
          return nil
        }
      }
      opened = OpenedImage(image, finder: finder)
    } catch {
      failure = "\(error)"
    }
    return opened
  }

  private func isSame(_ image: borrowing ELFImage) -> Bool {
    if !identity.buildID.isEmpty, let found = image.buildID {
      // The kernel's MMAP2 records hold at most 20 bytes of it.
      return found.prefix(20) == identity.buildID.prefix(20)
    }
    return identity.inode == 0 || image.bytes.inode == nil || image.bytes.inode == identity.inode
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
    frames = FrameInformation(of: image)
    functions = FunctionTable(of: image, finder: finder)
    self.finder = finder
  }

  /// The address that the byte at a file offset has before the image is moved; nil outside of the code.
  func address(ofFileOffset offset: UInt64) -> UInt64? {
    // A segment is mapped by whole pages: what lies beside it in the file is mapped with it.
    for segment in segments where offset >= segment.fileOffset & ~0xFFF {
      let (end, overflow) = segment.fileOffset.addingReportingOverflow(segment.fileSize)
      guard !overflow, offset < end | 0xFFF else { continue }
      return segment.address &+ (offset &- segment.fileOffset)
    }
    return nil
  }

  func row(for address: UInt64) throws(CFIError) -> (row: CFIRow, section: FrameSection)? {
    try frames.row(for: address, in: functions.image, finder: finder)
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
