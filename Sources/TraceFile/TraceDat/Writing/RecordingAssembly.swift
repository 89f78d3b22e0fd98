internal import Glibc
internal import SystemCalls
internal import SystemPackage

/// Makes one trace.dat of a recording's pieces. It takes no more room on the disk than one step's bytes: each step copies the end of a
/// piece, waits until that is on the disk, and cuts it off the piece.
struct RecordingAssembly: ~Copyable {
  private let directory: String
  private var file: WritableFile
  private let buffer: UnsafeMutableRawBufferPointer
  /// What was copied, and can be cut off when it is on the disk.
  private var copied: [(piece: RecordingPiece, name: String, left: UInt64)] = []
  private var copiedBytes: UInt64 = 0

  /// The number of bytes of a step.
  private let step: UInt64

  /// Writes all of `layout` but the data, in place of the recording's head. `step`: the number of bytes of a step.
  init(_ layout: TraceDatLayout, in directory: String, step: UInt64 = 64 << 20) throws(TraceFileError) {
    self.directory = directory
    self.step = step
    file = try Self.write(layout, as: RecordingNames.recording, in: directory)
    unlink("\(directory)/\(RecordingNames.head)")
    buffer = .allocate(byteCount: WriteQueue.roomSize, alignment: 2 * WriteQueue.roomSize)
    madvise(buffer.baseAddress, buffer.count, MADV_HUGEPAGE)
  }

  deinit { buffer.deallocate() }

  /// Writes what `layout` has to a file that appears under its name when all is on the disk.
  static func write(
    _ layout: TraceDatLayout, as name: String, in directory: String
  ) throws(TraceFileError) -> WritableFile {
    let path = "\(directory)/\(RecordingNames.unfinished)"
    var file = try WritableFile(path, replaces: true)
    do {
      for stretch in layout.stretches {
        try stretch.bytes.withUnsafeBytes { try file.writeThroughCache($0, at: stretch.offset) }
      }
      try file.setSize(layout.size)
      try file.synchronize()
      try uninterrupted { rename(path, "\(directory)/\(name)") }
    } catch {
      unlink(path)
      throw error as? TraceFileError ?? TraceFileError(.unwritable, "\(directory)/\(name)", "\(error)")
    }
    return file
  }

  /// Moves a piece to `place` of the file. `name`: what its file is called.
  mutating func take(_ piece: RecordingPiece, _ name: String, at place: UInt64) throws(TraceFileError) {
    var left = piece.size
    while left > 0 {
      let count = min(left, step)
      left -= count
      try piece.file.copy(left..<left + count, to: &file, at: place + left, through: buffer)
      copied.append((piece, name, left))
      copiedBytes += count
      if left > 0 || copiedBytes >= step { try cutOffCopied() }
    }
  }

  private mutating func cutOffCopied() throws(TraceFileError) {
    try file.synchronize()
    for (piece, name, left) in copied {
      if left > 0 { try piece.setSize(left) } else { unlink("\(directory)/\(name)") }
    }
    copied.removeAll()
    copiedBytes = 0
  }

  /// Makes an end.
  consuming func finish() throws(TraceFileError) {
    try cutOffCopied()
    // The names, too, shall be on the disk.
    guard let names = try? FileDescriptor.open(FilePath(directory), .readOnly, options: [.directory, .closeOnExec])
    else { return }
    let owned = OwnedDescriptor(names)
    _ = fsync(owned.descriptor.rawValue)
  }
}
