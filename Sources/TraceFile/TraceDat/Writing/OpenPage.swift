internal import TraceFormat

/// The last sub-buffer of a piece while more can join it: in memory, and in the file as far as it was written.
struct OpenPage: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer
  /// Where it is in the file, bytes.
  private let offset: UInt64
  /// Where its records ended when it was written last, bytes; 0 before.
  private var written = 0

  /// The number of bytes that are written anew at least: those that belong together on the disk.
  private static let block = WritableFile.alignment

  /// A copy of `page`, which will be at `offset` of the file.
  init(_ page: UnsafeRawBufferPointer, at offset: UInt64) {
    memory = .allocate(byteCount: page.count, alignment: 8)
    memory.copyMemory(from: page)
    self.offset = offset
  }

  deinit { memory.deallocate() }

  /// Puts a part behind the records; false where it cannot join them.
  func join(_ part: UnsafeRawBufferPointer) -> Bool { PageJoin.append(part, to: memory) }

  /// Has written what is new: the head last, which says how many bytes count. Small writes go through the page cache, where they
  /// wait for no disk; what is not used of the page is a hole.
  mutating func flush(to file: PieceFile, _ queue: WriteQueue) {
    let page = UnsafeRawBufferPointer(memory)
    let end = PageJoin.end(of: page)
    guard end > written else { return }
    let (used, start) = (PageJoin.used(of: page), written / Self.block * Self.block)
    if start > 0 { queue.write(Array(page[start..<used]), to: file, at: offset + UInt64(start)) }
    queue.write(
      Array(page[..<(start > 0 ? Self.block : used)]), to: file, at: offset,
      fileSize: written == 0 ? offset + UInt64(memory.count) : nil)
    written = end
  }
}
