/// Makes of a page one without records: its time, and what it says of events that are missing before it (see `PageRecords`).
final class PageHeads {
  private static let size = 24
  private static let dataOffset = 16
  private static let lengthMask: UInt64 = 0xFFFFF
  /// RB_MISSED_STORED of kernel/trace/ring_buffer.c: the number of missing events stands behind the records.
  private static let missedStored: UInt64 = 1 << 30
  /// Records of the longest sort do not fit where less is left, bytes; those of syscalls, the usual ones, take less than half.
  private static let usualRecord = 128

  private let pageSize: Int
  private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)

  /// Heads of pages of `pageSize` bytes.
  init(pageSize: Int) { self.pageSize = pageSize }

  deinit { bytes.deallocate() }

  /// The page without its records, valid until the next call; and whether it was full, so that more may follow.
  func head(of page: UnsafeRawBufferPointer) -> (UnsafeRawBufferPointer, isFull: Bool) {
    guard page.count >= Self.size else { return (page, false) }
    let commit = page.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    let end = Self.dataOffset + Int(commit & Self.lengthMask)
    bytes.storeBytes(of: page.loadUnaligned(as: UInt64.self), as: UInt64.self)
    bytes.storeBytes(of: commit & ~Self.lengthMask, toByteOffset: 8, as: UInt64.self)
    let isStored = commit & Self.missedStored != 0 && end + 8 <= page.count
    let missed = isStored ? page.loadUnaligned(fromByteOffset: end, as: UInt64.self) : 0
    bytes.storeBytes(of: missed, toByteOffset: Self.dataOffset, as: UInt64.self)
    return (UnsafeRawBufferPointer(bytes), end + Self.usualRecord > pageSize)
  }
}
