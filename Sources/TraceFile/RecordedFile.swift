internal import Glibc
internal import SystemCalls
internal import SystemPackage
internal import TraceModel

/// A file that is read piece by piece: never mapped, as whoever may write it could cut it under the reader.
struct RecordedFile: ~Copyable {
  let path: String
  /// The file's size when it was opened, bytes.
  let size: UInt64
  private let file: OwnedDescriptor

  init(path: String) throws(TraceFileError) {
    let file = try Self.open(path)
    let status: Stat
    do { status = try file.descriptor.stat() } catch { throw TraceFileError(.unreadable, path, "\(error)") }
    switch status.type {
    case .regular: break
    case .directory: throw TraceFileError(.unsupported, path, "is a directory (as `perf record --threads` writes one)")
    default: throw TraceFileError(.unsupported, path, "is no regular file")
    }
    self.path = path
    size = UInt64(status.size)
    self.file = file
  }

  private static func open(_ path: String) throws(TraceFileError) -> OwnedDescriptor {
    do {
      return OwnedDescriptor(
        try FileDescriptor.open(
          FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking, .init(rawValue: O_NOCTTY)]))
    } catch {
      throw TraceFileError(.unreadable, path, "\(error)")
    }
  }

  /// Fills the buffer from `offset` on as far as the file goes; returns how many bytes these are.
  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(TraceFileError) -> Int {
    var done = 0
    while done < buffer.count, let base = buffer.baseAddress {
      let (place, overflow) = offset.addingReportingOverflow(UInt64(done))
      guard !overflow, let place = off_t(exactly: place) else { break }
      let got: Int
      do { got = try uninterrupted { pread(file.descriptor.rawValue, base + done, buffer.count - done, place) } } catch
      {
        throw TraceFileError(.unreadable, path, "\(error)")
      }
      if got == 0 { break }
      done += got
    }
    return done
  }

  /// The whole text of a small file. Its size is not asked for, which tracefs says to be 0.
  func text(limit: Int = 1 << 18) throws(TraceFileError) -> String {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: limit, alignment: 8)
    defer { buffer.deallocate() }
    let count = try read(at: 0, into: buffer)
    guard count < limit else { throw TraceFileError(.malformed, path, "is too long for what it should be") }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  /// The bytes of one part of the file, of which there must not be more than `limit`.
  func part(_ name: String, at offset: UInt64, size: UInt64, limit: UInt64) throws(TraceFileError) -> SectionBytes {
    guard size <= limit else { throw TraceFileError(.malformed, path, "its \(name) has \(size) bytes") }
    guard offset <= self.size, size <= self.size - offset else {
      throw TraceFileError(.malformed, path, "its \(name) lies beyond its end")
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(size), alignment: 8)
    defer { buffer.deallocate() }
    guard try read(at: offset, into: buffer) == buffer.count else {
      throw TraceFileError(.malformed, path, "its \(name) lies beyond its end")
    }
    return SectionBytes([UInt8](buffer))
  }
}

/// The parts of perf.data: what lies outside of one reads as 0, as in a header that an older perf has written.
extension SectionBytes {
  func number<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value {
    load(type, at: offset) ?? 0
  }

  func word(_ offset: Int) -> UInt64 { number(UInt64.self, at: offset) }

  /// The text from `offset` up to a zero or `end`.
  func text(from offset: Int, to end: Int) -> String {
    let end = min(end, count)
    guard offset >= 0, offset < end else { return "" }
    return String(decoding: bytes[offset..<end].prefix { $0 != 0 }, as: UTF8.self)
  }
}
