internal import TraceFormat

/// Makes of a page one without events: its time, and what it says of events that are missing before it (see `PageRecords`).
final class PageHeads {
  private static let size = 32
  private static let dataOffset = 16
  private static let lengthMask: UInt64 = 0xFFFFF
  /// RB_MISSED_STORED of kernel/trace/ring_buffer.c: the number of missing events stands behind the records.
  private static let missedStored: UInt64 = 1 << 30
  /// A record that only adds to the time: its type (RINGBUF_TYPE_TIME_EXTEND), and how many bits of the time are in its first word.
  private static let timeExtend: UInt64 = 30
  private static let timeBits = 27
  /// Records of the longest sort do not fit where less is left, bytes; those of syscalls, the usual ones, take less than half.
  private static let usualRecord = 128

  private let pageSize: Int
  private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)

  /// Heads of pages of `pageSize` bytes.
  init(pageSize: Int) { self.pageSize = pageSize }

  deinit { bytes.deallocate() }

  /// The page without its events, valid until the next call. Where more could have been written to the page since then, it says
  /// how far it goes: whoever needs no more is to leave the rest alone, which would come a few records at a time.
  func head(of page: UnsafeRawBufferPointer, _ decoder: PageDecoder) -> UnsafeRawBufferPointer {
    guard page.count >= Self.dataOffset else { return page }
    let begin = page.loadUnaligned(as: UInt64.self)
    let commit = page.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    let end = Self.dataOffset + Int(commit & Self.lengthMask)
    var length = 0
    if end + Self.usualRecord <= pageSize {
      let time = decoder.lastTime(of: page) &- begin
      let words = [time << 5 | Self.timeExtend, time >> UInt64(Self.timeBits)]
      for word in words {
        bytes.storeBytes(of: UInt32(truncatingIfNeeded: word), toByteOffset: Self.dataOffset + length, as: UInt32.self)
        length += 4
      }
    }
    bytes.storeBytes(of: begin, as: UInt64.self)
    bytes.storeBytes(of: commit & ~Self.lengthMask | UInt64(length), toByteOffset: 8, as: UInt64.self)
    let isStored = commit & Self.missedStored != 0 && end + 8 <= page.count
    let missed = isStored ? page.loadUnaligned(fromByteOffset: end, as: UInt64.self) : 0
    bytes.storeBytes(of: missed, toByteOffset: Self.dataOffset + length, as: UInt64.self)
    return UnsafeRawBufferPointer(bytes)
  }
}
