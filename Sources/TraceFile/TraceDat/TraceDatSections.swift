internal import TraceFormat
internal import TraceModel

/// Reads the sections of a trace.dat of version 7 (trace-cmd.dat.v7(5)).
///
/// A section header has 16 bytes: its kind (2), flags (2), where its description is in the section of strings (4), and its size
/// (8, though the manual page of older versions says 4). A packed section begins with two sizes of 4 bytes, the packed one and
/// the other.
struct TraceDatSections {
  static let headerSize = 16
  private static let isCompressed: UInt16 = 1
  /// More than kallsyms of the largest kernels take.
  private static let limit: UInt64 = 64 << 20
  /// The most sections of options; each of them names the next.
  private static let optionSections = 4096

  let header: TraceDatHeader

  /// The header of the section at `offset`; nil where it is not of this kind.
  func find(
    _ kind: TraceDatOptionID, at offset: UInt64, _ file: borrowing RecordedFile
  ) throws(TraceFileError) -> (size: UInt64, isCompressed: Bool)? {
    let bytes = try file.part("section header", at: offset, size: UInt64(Self.headerSize), limit: Self.limit)
    var cursor = TraceDatCursor(bytes, header.byteOrder)
    do {
      guard try cursor.number(UInt16.self) == kind.rawValue else { return nil }
      let flags = try cursor.number(UInt16.self)
      _ = try cursor.number(UInt32.self)
      return (try cursor.number(UInt64.self), flags & Self.isCompressed != 0)
    } catch {
      return nil
    }
  }

  /// What the section at `offset` holds, unpacked.
  func read(
    _ kind: TraceDatOptionID, at offset: UInt64, _ file: borrowing RecordedFile
  ) throws(TraceFileError) -> SectionBytes {
    guard let found = try find(kind, at: offset, file) else {
      throw TraceFileError(.malformed, file.path, "has no section of kind \(kind.rawValue) at \(offset), as it says")
    }
    let bytes = try file.part(
      "section of kind \(kind.rawValue)", at: offset + UInt64(Self.headerSize), size: found.size, limit: Self.limit)
    guard found.isCompressed else { return bytes }
    guard let unpacked = unpack(bytes) else {
      throw TraceFileError(.malformed, file.path, "its section of kind \(kind.rawValue) cannot be unpacked")
    }
    return unpacked
  }

  private func unpack(_ bytes: SectionBytes) -> SectionBytes? {
    var cursor = TraceDatCursor(bytes, header.byteOrder)
    guard let packedSize = try? cursor.number(UInt32.self), let size = try? cursor.number(UInt32.self),
      size <= Self.limit, let packed = try? cursor.block(UInt64(packedSize))
    else { return nil }
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: max(Int(size), 1), alignment: 8)
    defer { room.deallocate() }
    guard let count = packed.withUnsafeBytes({ header.compression.unpack($0, into: room) }) else { return nil }
    return SectionBytes([UInt8](room[..<count]))
  }

  /// All options, those of each section after those of the one that names it. Where the file was cut, those that were read
  /// before.
  func options(_ file: borrowing RecordedFile) throws(TraceFileError) -> (options: [TraceDatOption], isCut: Bool) {
    var options: [TraceDatOption] = []
    var offset = header.options
    for _ in 0..<Self.optionSections where offset != 0 {
      // A file that was cut names a section that it does not have.
      guard offset < file.size else { return (options, true) }
      var next: UInt64?
      do throws(TraceFileError) {
        var cursor = TraceDatCursor(try read(.done, at: offset, file), header.byteOrder)
        next = Self.take(&cursor, into: &options)
      } catch {
        // The first one has what nothing can be read without.
        if options.isEmpty { throw error }
      }
      guard let next else { return (options, true) }
      offset = next
    }
    return (options, offset != 0)
  }

  /// Takes in one section of options; returns where the next one is, 0 if there is none, or nil where the section was cut.
  private static func take(_ cursor: inout TraceDatCursor, into options: inout [TraceDatOption]) -> UInt64? {
    do throws(TraceDatCut) {
      while true {
        let id = try cursor.number(UInt16.self)
        let size = try cursor.number(UInt32.self)
        if id == TraceDatOptionID.done.rawValue { return try cursor.number(UInt64.self) }
        options.append(TraceDatOption(id: id, data: SectionBytes(Array(try cursor.block(UInt64(size))))))
      }
    } catch {
      return nil
    }
  }
}
