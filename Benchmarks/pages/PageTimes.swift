/// The times that a page's bytes hold as such: that of the page itself, and those of absolute time stamps among its records. All
/// other times are differences to the record before.
///
/// The format is that of include/linux/ring_buffer.h.
struct PageTimes {
  /// Where absolute time stamps begin, bytes from the page's start.
  private let stamps: [Int]

  init(_ page: UnsafeRawBufferPointer) {
    guard page.count >= 16 else {
      stamps = []
      return
    }
    let end = min(16 + Int(page.load(fromByteOffset: 8, as: UInt64.self) & 0xFFFFF), page.count)
    var stamps: [Int] = []
    var offset = 16
    while offset + 8 <= end {
      let header = page.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
      let word = Int(page.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
      switch header & 31 {
      case 0: offset += 4 + (word + 3) & ~3
      case 29 where header >> 5 == 0: offset = end
      case 29: offset += 4 + word
      case 30: offset += 8
      case 31:
        stamps.append(offset)
        offset += 8
      case let words: offset += 4 + Int(words) * 4
      }
    }
    self.stamps = stamps
  }

  /// Moves all times of the page on by `length`, ns. A page that is too short to hold any stays as it is.
  func move(_ page: UnsafeMutableRawBufferPointer, by length: UInt64) {
    guard page.count >= 16 else { return }
    page.storeBytes(of: page.load(as: UInt64.self) &+ length, as: UInt64.self)
    for offset in stamps {
      // 27 bits beside the type, and 32 above them.
      let header = page.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
      let word = page.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
      let moved = (UInt64(header >> 5) | UInt64(word) << 27) &+ length
      page.storeBytes(of: UInt32(truncatingIfNeeded: moved << 5) | 31, toByteOffset: offset, as: UInt32.self)
      page.storeBytes(of: UInt32(truncatingIfNeeded: moved >> 27), toByteOffset: offset + 4, as: UInt32.self)
    }
  }
}
