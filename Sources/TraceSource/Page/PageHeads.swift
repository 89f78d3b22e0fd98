internal import TraceFormat

/// Makes of pages ones without events: their time, and what they say of events that are missing before them (see `PageRecords`).
struct PageHeads: ~Copyable {
  /// A page's head of 16 bytes, and up to 16 more.
  private struct Head: BitwiseCopyable {
    var begin: UInt64
    var commit: UInt64
    var words: (UInt64, UInt64) = (0, 0)
  }

  private static let dataOffset = 16
  private static let lengthMask: UInt64 = 0xFFFFF
  /// RB_MISSED_STORED of kernel/trace/ring_buffer.c: the number of missing events stands behind the records.
  private static let missedStored: UInt64 = 1 << 30
  /// A record that only adds to the time: its type (RINGBUF_TYPE_TIME_EXTEND), how many bits of the time are in its first word, and
  /// how many bytes it has.
  private static let timeExtend: UInt64 = 30
  private static let timeBits: UInt64 = 27
  private static let timeExtendSize: UInt64 = 8

  /// What was made and not taken yet, by stream, and how many of these were taken.
  private var heads: [[Head]] = []
  private var taken: [Int] = []
  private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: MemoryLayout<Head>.size, alignment: 8)

  deinit { bytes.deallocate() }

  /// Takes in a page of the stream at `position`; returns whether it is full. Where more could have been written to the page since
  /// then, its head says how far it goes: whoever needs no more is to leave the rest alone, which would come a few records at a
  /// time.
  mutating func add(_ page: UnsafeRawBufferPointer, _ position: Int, _ decoder: PageDecoder) -> Bool {
    while heads.count <= position {
      heads.append([])
      taken.append(0)
    }
    guard page.count >= Self.dataOffset else { return false }
    let commit = page.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    let end = Self.dataOffset + Int(commit & Self.lengthMask)
    let isFull = PageJoin.isFull(page)
    var head = Head(begin: page.loadUnaligned(as: UInt64.self), commit: commit & ~Self.lengthMask)
    let isStored = commit & Self.missedStored != 0 && end + 8 <= page.count
    let missed = isStored ? page.loadUnaligned(fromByteOffset: end, as: UInt64.self) : 0
    if isFull {
      head.words.0 = missed
    } else {
      let time = decoder.lastTime(of: page) &- head.begin
      // Two words of 32 bits.
      let low = UInt64(UInt32(truncatingIfNeeded: time << 5 | Self.timeExtend))
      head.words = (low | (time >> Self.timeBits) << 32, missed)
      head.commit |= Self.timeExtendSize
    }
    heads[position].append(head)
    return isFull
  }

  /// The next page of the stream at `position` that was taken in, valid until the next call; nil behind the last.
  mutating func next(_ position: Int) -> UnsafeRawBufferPointer? {
    guard position < heads.count, taken[position] < heads[position].count else { return nil }
    bytes.storeBytes(of: heads[position][taken[position]], as: Head.self)
    taken[position] += 1
    if taken[position] == heads[position].count {
      heads[position].removeAll(keepingCapacity: true)
      taken[position] = 0
    }
    return UnsafeRawBufferPointer(bytes)
  }
}
