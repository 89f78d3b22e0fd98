/// The sub-buffers of one CPU while they are recorded: a file of whole sub-buffers, one after the other.
final class RecordingPiece {
  private var file: WritableFile
  /// The number of bytes that the file has.
  private(set) var size: UInt64 = 0

  /// Creates the file at `path`, which must not be there.
  init(_ path: String) throws(TraceFileError) { file = try WritableFile(path) }

  /// Adds whole sub-buffers. `used`: how many of the bytes matter; those behind are a hole in the file. Where not all can be
  /// written, none are.
  func append(_ pages: UnsafeRawBufferPointer, used: Int) throws(TraceFileError) {
    let alignment = WritableFile.alignment
    let count = min(pages.count, (used + alignment - 1) / alignment * alignment)
    do {
      try file.write(UnsafeRawBufferPointer(rebasing: pages[..<count]), at: size)
      if count < pages.count { try file.setSize(size + UInt64(pages.count)) }
      size += UInt64(pages.count)
    } catch {
      try? file.setSize(size)
      throw error
    }
  }

  /// Replaces the last sub-buffer, of which there must be one, by one that is as long.
  func replaceLast(_ page: UnsafeRawBufferPointer) throws(TraceFileError) {
    try file.write(page, at: size - UInt64(page.count))
  }

  /// Waits until all of it is on the disk.
  func synchronize() throws(TraceFileError) { try file.synchronize() }

  /// Makes the file this long, bytes.
  func setSize(_ size: UInt64) throws(TraceFileError) {
    try file.setSize(size)
    self.size = size
  }

  /// Copies the bytes from `start` up to the end to `place` of another file. What is a hole stays one.
  func copy(
    from start: UInt64, to other: inout WritableFile, at place: UInt64, through buffer: UnsafeMutableRawBufferPointer
  ) throws(TraceFileError) {
    var offset = start
    while let data = file.data(from: offset), data.lowerBound < size {
      offset = data.lowerBound
      while offset < data.upperBound {
        let wanted = Int(min(UInt64(buffer.count), min(data.upperBound, size) - offset))
        let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset)
        guard count > 0 else { throw TraceFileError(.unwritable, file.path, "somebody made it shorter") }
        try other.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: place + offset - start)
        offset += UInt64(count)
        if offset >= size { return }
      }
    }
  }
}
