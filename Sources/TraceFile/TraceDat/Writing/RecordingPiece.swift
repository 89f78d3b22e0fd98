internal import TraceFormat

/// The sub-buffers of one CPU while they are recorded: a file of whole sub-buffers, one after the other. What is to be written goes
/// to a queue.
final class RecordingPiece {
  let file: PieceFile
  private let queue: WriteQueue
  private let pageSize: Int
  /// The last sub-buffer, if it is one that more can join.
  private var open: OpenPage?
  /// The number of bytes that the file has, or will have.
  private(set) var size: UInt64 = 0

  /// Creates the file at `path`, which must not be there. `pageSize`: the number of bytes of a sub-buffer.
  init(_ path: String, pageSize: Int, _ queue: WriteQueue) throws(TraceFileError) {
    file = try PieceFile(path)
    self.pageSize = pageSize
    self.queue = queue
  }

  /// Adds a sub-buffer. What it does not use is a hole in the file.
  func append(_ page: UnsafeRawBufferPointer) {
    close()
    let end = size + UInt64(page.count)
    let used = PageJoin.used(of: page)
    if used > page.count / 2, page.count <= WriteQueue.roomSize {
      queue.room().copyMemory(from: page)
      queue.write(room: 0..<page.count, to: file, at: size)
    } else {
      queue.write(Array(page[..<used]), to: file, at: size, fileSize: end)
    }
    size = end
  }

  /// Adds what was read in a row to the first `count` bytes of the queue's room: sub-buffers of which the last may not be full. That
  /// one is in the file after `flush`; the first joins it, if it is a part of the same. Returns how many sub-buffers there are more.
  func join(_ count: Int) -> Int {
    let pages = UnsafeRawBufferPointer(rebasing: queue.room()[..<count])
    var start = 0
    if count >= pageSize, open?.join(UnsafeRawBufferPointer(rebasing: pages[..<pageSize])) == true { start = pageSize }
    guard start < count else { return 0 }
    close()
    let last = UnsafeRawBufferPointer(rebasing: pages.suffix(pageSize))
    let isOpen = !PageJoin.isFull(last)
    let bulk = start..<(isOpen ? count - pageSize : count)
    if isOpen { open = OpenPage(last, at: size + UInt64(bulk.count)) }
    if !bulk.isEmpty { queue.write(room: bulk, to: file, at: size) }
    size += UInt64(count - start)
    return (count - start) / pageSize
  }

  /// Replaces the last sub-buffer, of which there must be one, by one that is as long.
  func replaceLast(_ page: [UInt8]) { queue.write(page, to: file, at: size - UInt64(page.count)) }

  /// Has written what is in memory only.
  func flush() { open?.flush(to: file, queue) }

  /// Lets nothing join the last sub-buffer any more.
  private func close() {
    flush()
    open = nil
  }

  /// Makes the file this long, bytes.
  func setSize(_ size: UInt64) throws(TraceFileError) {
    try file.setSize(size)
    self.size = size
  }
}
