/// Joins parts of a sub-buffer that were read while the kernel wrote it: each came as a page of its own, of which most was empty.
package enum PageJoin {
  // The layout of 64-bit little-endian kernels, as `PageRecords` has it.
  private static let dataOffset = 16
  private static let lengthMask: UInt64 = 0xFFFFF
  private static let timeStamp: UInt32 = 31
  private static let timeStampSize = 8
  /// Records of the longest sort do not fit where less is left, bytes; those of syscalls, the usual ones, take less than half.
  private static let usualRecord = 128

  /// Where the records of a page end, bytes from its start.
  package static func end(of page: UnsafeRawBufferPointer) -> Int {
    guard page.count >= dataOffset else { return page.count }
    return min(dataOffset + Int(page.loadUnaligned(fromByteOffset: 8, as: UInt64.self) & lengthMask), page.count)
  }

  /// How many bytes of a page say something: its records, and the number of missing events that can follow them.
  package static func used(of page: UnsafeRawBufferPointer) -> Int { min(end(of: page) + 8, page.count) }

  /// Whether the kernel has filled a page, so that more may follow it.
  package static func isFull(_ page: UnsafeRawBufferPointer) -> Bool { end(of: page) + usualRecord > page.count }

  /// Puts the records of `part` behind those of `page`, with an absolute time stamp (include/linux/ring_buffer.h) before them, since
  /// the first one's time counts from the part's. False, and nothing is done, where they do not fit, or where either tells of
  /// events that are missing before it.
  package static func append(_ part: UnsafeRawBufferPointer, to page: UnsafeMutableRawBufferPointer) -> Bool {
    guard part.count >= dataOffset, page.count >= dataOffset else { return false }
    let time = part.loadUnaligned(as: UInt64.self)
    let commit = page.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    let added = part.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    // A time stamp has 59 bits.
    guard (commit | added) & ~lengthMask == 0, time >> 59 == 0 else { return false }
    let (end, length) = (dataOffset + Int(commit), Int(added))
    guard end <= page.count - timeStampSize, length <= part.count - dataOffset,
      length <= page.count - timeStampSize - end
    else { return false }
    page.storeBytes(of: timeStamp | UInt32(truncatingIfNeeded: time << 5), toByteOffset: end, as: UInt32.self)
    page.storeBytes(of: UInt32(truncatingIfNeeded: time >> 27), toByteOffset: end + 4, as: UInt32.self)
    let records = UnsafeRawBufferPointer(rebasing: part[dataOffset..<dataOffset + length])
    UnsafeMutableRawBufferPointer(rebasing: page[(end + timeStampSize)...]).copyMemory(from: records)
    page.storeBytes(of: UInt64(end + timeStampSize + length - dataOffset), toByteOffset: 8, as: UInt64.self)
    return true
  }
}
