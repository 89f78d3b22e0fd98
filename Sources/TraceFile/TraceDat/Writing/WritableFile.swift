internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage

/// A file that is written at places that the caller says, past the page cache where the file system can do that (O_DIRECT): copying
/// into the cache takes several times as long as reading the events from the kernel does, and pushes out what others need.
struct WritableFile: ~Copyable {
  let path: String
  private let file: OwnedDescriptor
  /// Whether writes go past the page cache.
  private var isDirect: Bool

  /// What addresses, offsets and lengths of direct writes are multiples of.
  static let alignment = 4096

  /// Creates the file, which must not be there, or is to be replaced.
  init(_ path: String, replaces: Bool = false, isDirect: Bool = true) throws(TraceFileError) {
    self.path = path
    file = try Self.open(path, replaces: replaces)
    self.isDirect = isDirect && kdelay_set_direct(file.descriptor.rawValue, true)
  }

  private static func open(_ path: String, replaces: Bool) throws(TraceFileError) -> OwnedDescriptor {
    do {
      return OwnedDescriptor(
        try FileDescriptor.open(
          FilePath(path), .readWrite, options: [.create, replaces ? .truncate : .exclusiveCreate, .closeOnExec],
          permissions: [.ownerReadWrite, .groupRead, .otherRead]))
    } catch {
      throw TraceFileError(.unwritable, path, "\(error)")
    }
  }

  /// Writes all bytes at `offset`.
  mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(TraceFileError) {
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let rest = UnsafeRawBufferPointer(start: base + done, count: bytes.count - done)
      if isDirect, !Self.isAligned(rest, offset + UInt64(done)) { leaveDirect() }
      let place = off_t(offset) + off_t(done)
      do {
        done += try uninterrupted { pwrite(file.descriptor.rawValue, rest.baseAddress, rest.count, place) }
      } catch {
        // The file system or its disk asks for more than memory pages do.
        guard isDirect, error == .invalidArgument else { throw failure(error) }
        leaveDirect()
      }
    }
  }

  /// Writes all bytes at `offset`, anywhere, through the page cache: what is short, and is to wait for no disk.
  mutating func writeThroughCache(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(TraceFileError) {
    let wasDirect = isDirect
    if wasDirect { leaveDirect() }
    defer { if wasDirect { isDirect = kdelay_set_direct(file.descriptor.rawValue, true) } }
    try write(bytes, at: offset)
  }

  private static func isAligned(_ bytes: UnsafeRawBufferPointer, _ offset: UInt64) -> Bool {
    let address = bytes.baseAddress.map { UInt(bitPattern: $0) } ?? 0
    return (address | UInt(bytes.count) | UInt(offset)) % UInt(alignment) == 0
  }

  private mutating func leaveDirect() {
    isDirect = false
    _ = kdelay_set_direct(file.descriptor.rawValue, false)
  }

  /// Reads as many bytes as there are at `offset`, at most as many as fit.
  mutating func read(into bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(TraceFileError) -> Int {
    while true {
      do {
        return try uninterrupted { pread(file.descriptor.rawValue, bytes.baseAddress, bytes.count, off_t(offset)) }
      } catch {
        guard isDirect, error == .invalidArgument else { throw failure(error) }
        leaveDirect()
      }
    }
  }

  /// Where data begin at or behind `offset`, and where they end; nil where there is only a hole.
  func data(from offset: UInt64) -> Range<UInt64>? {
    var end: Int64 = 0
    let start = kdelay_next_data(file.descriptor.rawValue, Int64(offset), &end)
    return start >= 0 && end > start ? UInt64(start)..<UInt64(end) : nil
  }

  /// Makes the file this long, bytes.
  func setSize(_ size: UInt64) throws(TraceFileError) {
    do { try uninterrupted { ftruncate(file.descriptor.rawValue, off_t(size)) } } catch { throw failure(error) }
  }

  /// Waits until what was written is on the disk.
  func synchronize() throws(TraceFileError) {
    do { try uninterrupted { fdatasync(file.descriptor.rawValue) } } catch {
      // Some file systems cannot do that.
      if error != .invalidArgument { throw failure(error) }
    }
  }

  private func failure(_ error: Errno) -> TraceFileError { TraceFileError(.unwritable, path, "\(error)") }
}
