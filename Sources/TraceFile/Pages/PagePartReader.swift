internal import TraceFormat

/// Reads one stream's pages in order, many at a time.
///
/// Invariant that makes the pointers sound: `room` is allocated and `filled` is never more than its size; this value is their only
/// owner.
struct PagePartReader: ~Copyable {
  /// The most bytes of pages that are read at once, if they are not packed.
  private static let readSize = 1 << 17
  /// The most bytes that a chunk may have, packed or not; trace-cmd packs 10 pages.
  private static let chunkLimit = 4 << 20

  private let part: PagePart
  /// How much of the part was read, bytes.
  private var taken: UInt64 = 0
  /// The chunks that are left; nil before their number was read.
  private var chunksLeft: UInt32?
  private var room = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var packed = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  /// The number of bytes in `room`, and how many of them were handed out.
  private var filled = 0
  private var used = 0
  /// Whether the part ended early: the file was cut within it, or nothing behind can be read.
  private(set) var isCut = false

  /// What makes the pages of records; nil where they are in the file.
  private var made: PerfEventPages?

  init(_ part: PagePart) {
    self.part = part
    made = part.records.map { PerfEventPages($0) }
  }

  deinit {
    room.deallocate()
    packed.deallocate()
  }

  /// The next page, valid until the next call; nil behind the last. The last may be short.
  mutating func next(_ file: borrowing RecordedFile) throws(TraceFileError) -> UnsafeRawBufferPointer? {
    if made != nil { return try made?.next(file) }
    if used >= filled {
      used = 0
      filled = 0
      if part.chunks == nil { try fill(file) } else { try unpack(file) }
      guard filled > 0 else { return nil }
    }
    let end = min(used + part.pageSize, filled)
    defer { used = end }
    return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[used..<end])
  }

  /// Leaves out all pages but the last, where that can be found without reading them.
  mutating func skipToLast(_ file: borrowing RecordedFile) {
    guard part.chunks == nil, part.offset < file.size else { return }
    let whole = min(part.size, file.size - part.offset) / UInt64(part.pageSize)
    taken = (max(whole, 1) - 1) * UInt64(part.pageSize)
  }

  /// Reads the next pages that are not packed. Of a page that was cut nothing is handed out.
  private mutating func fill(_ file: borrowing RecordedFile) throws(TraceFileError) {
    guard taken < part.size, !isCut else { return }
    let pages = max(Self.readSize / part.pageSize, 1)
    Self.reserve(&room, pages * part.pageSize)
    let wanted = Int(min(UInt64(room.count), part.size - taken))
    let count = try file.read(
      at: part.offset &+ taken, into: UnsafeMutableRawBufferPointer(rebasing: room[..<wanted]))
    taken += UInt64(wanted)
    isCut = count < wanted
    filled = isCut ? count / part.pageSize * part.pageSize : count
  }

  /// Unpacks the next chunk.
  private mutating func unpack(_ file: borrowing RecordedFile) throws(TraceFileError) {
    if chunksLeft == nil { chunksLeft = try number(file) }
    guard !isCut, let left = chunksLeft, left > 0 else { return }
    chunksLeft = left - 1
    guard let packedSize = try number(file), let size = try number(file),
      packedSize <= Self.chunkLimit, size <= Self.chunkLimit, size > 0
    else { return isCut = true }
    Self.reserve(&packed, Int(packedSize))
    Self.reserve(&room, Int(size))
    let bytes = UnsafeMutableRawBufferPointer(rebasing: packed[..<Int(packedSize)])
    guard try take(bytes, file),
      let count = part.chunks?.unpack(
        UnsafeRawBufferPointer(bytes), into: UnsafeMutableRawBufferPointer(rebasing: room[..<Int(size)])),
      count == size
    else { return isCut = true }
    filled = count
  }

  private mutating func number(_ file: borrowing RecordedFile) throws(TraceFileError) -> UInt32? {
    var value: UInt32 = 0
    let isWhole = try withUnsafeMutableBytes(of: &value) { bytes throws(TraceFileError) in try take(bytes, file) }
    guard isWhole else { return nil }
    return part.byteOrder == .little ? UInt32(littleEndian: value) : UInt32(bigEndian: value)
  }

  /// Fills the buffer with what comes next; false, and the part is cut, where there is not as much.
  private mutating func take(
    _ buffer: UnsafeMutableRawBufferPointer, _ file: borrowing RecordedFile
  ) throws(TraceFileError) -> Bool {
    guard UInt64(buffer.count) <= part.size - taken,
      try file.read(at: part.offset &+ taken, into: buffer) == buffer.count
    else {
      isCut = true
      return false
    }
    taken += UInt64(buffer.count)
    return true
  }

  private static func reserve(_ buffer: inout UnsafeMutableRawBufferPointer, _ count: Int) {
    guard buffer.count < count else { return }
    buffer.deallocate()
    buffer = .allocate(byteCount: count, alignment: 4096)
  }
}
