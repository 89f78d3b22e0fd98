/// The file of a piece. While it is recorded, the queue's thread alone uses it.
final class PieceFile {
  private var file: WritableFile

  /// Creates the file at `path`, which must not be there.
  init(_ path: String) throws(TraceFileError) { file = try WritableFile(path) }

  /// Adds whole sub-buffers at `offset`, behind all others. Where not all can be written, none are.
  func append(_ pages: UnsafeRawBufferPointer, at offset: UInt64) throws(TraceFileError) {
    do { try file.write(pages, at: offset) } catch {
      try? file.setSize(offset)
      throw error
    }
  }

  /// Writes a part of a sub-buffer. `fileSize`: how many bytes the file has then, of which what was not written is a hole; nil
  /// where that does not change.
  func write(_ bytes: [UInt8], at offset: UInt64, fileSize: UInt64?) throws(TraceFileError) {
    do {
      try bytes.withUnsafeBytes { try file.writeThroughCache($0, at: offset) }
      if let fileSize { try file.setSize(fileSize) }
    } catch {
      if fileSize != nil { try? file.setSize(offset) }
      throw error as? TraceFileError ?? TraceFileError(.unwritable, file.path, "\(error)")
    }
  }

  /// Makes the file this long, bytes.
  func setSize(_ size: UInt64) throws(TraceFileError) { try file.setSize(size) }

  /// Copies the bytes of `range` to `place` of another file. What is a hole stays one.
  func copy(
    _ range: Range<UInt64>, to other: inout WritableFile, at place: UInt64,
    through buffer: UnsafeMutableRawBufferPointer
  ) throws(TraceFileError) {
    var offset = range.lowerBound
    while let data = file.data(from: offset), data.lowerBound < range.upperBound {
      offset = data.lowerBound
      let end = min(data.upperBound, range.upperBound)
      while offset < end {
        let wanted = Int(min(UInt64(buffer.count), end - offset))
        let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset)
        guard count > 0 else { throw TraceFileError(.unwritable, file.path, "somebody made it shorter") }
        try other.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: place + offset - range.lowerBound)
        offset += UInt64(count)
      }
    }
  }
}
