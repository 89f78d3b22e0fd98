internal import TraceFormat
internal import TraceModel

/// How a trace.dat begins (trace-cmd.dat.v6(5) and .v7(5), "INITIAL FORMAT"), the same in all versions up to the page size.
struct TraceDatHeader {
  private static let magic: [UInt8] = [0x17, 0x08, 0x44] + Array("tracing".utf8)
  /// More than the names and versions of compression algorithms take.
  private static let limit: UInt64 = 256

  let version: Int
  let byteOrder: PageLayout.ByteOrder
  /// The number of bytes of a `long` in the user space that recorded; the kernel's is in `header_page`.
  let longSize: Int
  /// The number of bytes of a sub-buffer, where its buffer does not say otherwise.
  let pageSize: Int
  /// How sections of version 7 are compressed.
  let compression: Compression
  /// Where the first section of options lies, bytes from the file's start; 0 in version 6, which has none.
  let options: UInt64
  /// Where the beginning ends, bytes.
  let end: Int

  /// Whether the file begins as a trace.dat does, of whatever version.
  static func isBegin(of file: borrowing RecordedFile) -> Bool {
    guard let bytes = try? file.part("beginning", at: 0, size: UInt64(magic.count), limit: limit) else { return false }
    return bytes.bytes == magic
  }

  init(_ file: borrowing RecordedFile) throws(TraceFileError) {
    guard Self.isBegin(of: file) else {
      throw TraceFileError(
        .malformed, file.path, "is no trace.dat: it does not begin as one",
        remedy: "name a file that trace-cmd or kdelay-ftrace recorded")
    }
    let bytes = try file.part("beginning", at: 0, size: min(Self.limit, file.size), limit: Self.limit)
    do { try self.init(bytes, file.path) } catch let error as TraceFileError { throw error } catch {
      throw TraceFileError(.malformed, file.path, "was cut within its first bytes: nothing of it can be read")
    }
  }

  private init(_ bytes: SectionBytes, _ path: String) throws {
    var start = TraceDatCursor(bytes, .little, offset: Self.magic.count)
    let version = try start.string()
    guard version == "6" || version == "7" else {
      throw TraceFileError(
        .unsupported, path, "is a trace.dat of version \(version.prefix(8)), and those of 6 and 7 are read",
        remedy: "convert it with `trace-cmd convert --file-version 7`")
    }
    byteOrder = try start.number(UInt8.self) == 0 ? .little : .big
    longSize = Int(try start.number(UInt8.self))
    var cursor = TraceDatCursor(bytes, byteOrder, offset: start.offset)
    pageSize = Int(try cursor.number(UInt32.self))
    self.version = version == "6" ? 6 : 7
    if self.version == 7 {
      let name = try cursor.string()
      _ = try cursor.string()
      guard let compression = Compression(rawValue: name) else {
        throw TraceFileError(
          .unsupported, path, "is compressed by '\(name.prefix(16))', which is not read",
          remedy: "convert it with `trace-cmd convert --compression none`")
      }
      self.compression = compression
      options = try cursor.number(UInt64.self)
    } else {
      compression = .none
      options = 0
    }
    end = cursor.offset
  }
}
