internal import Glibc

/// Reads a section that libelf holds; bounds are checked, and nothing is read beyond them.
///
/// Invariant that makes the pointer sound: libelf keeps a section's bytes as long as its handle, which whoever makes a reader
/// keeps longer than that.
struct SectionReader {
  /// Bytes of one LEB128 number: ten hold 64 bits. libdw stops there too, and would take the rest for something else.
  private static let numberLimit = 10

  private let bytes: UnsafeRawBufferPointer
  /// Of the next byte.
  private(set) var offset: Int

  /// A section without bytes.
  init() { self.init(UnsafeRawBufferPointer(start: nil, count: 0)) }

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    offset = 0
  }

  /// In bytes.
  var count: Int { bytes.count }
  var isAtEnd: Bool { offset >= bytes.count }

  /// Where a pointer into it points to; nil if it does not.
  func offset(of pointer: UnsafeRawPointer) -> UInt64? {
    guard let base = bytes.baseAddress, pointer >= base, pointer < base + bytes.count else { return nil }
    return UInt64(base.distance(to: pointer))
  }

  /// The same from `offset` on, up to `end`; nil if that is not within.
  func part(from offset: UInt64, to end: UInt64? = nil) -> SectionReader? {
    guard let offset = Int(exactly: offset), let end = end.map({ Int(exactly: $0) }) ?? bytes.count, offset <= end,
      end <= bytes.count
    else { return nil }
    var part = SectionReader(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
    part.offset = offset
    return part
  }

  /// Nil, as with all that follow, where the section ends before.
  mutating func next<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type = Value.self) -> Value? {
    guard MemoryLayout<Value>.size <= bytes.count - offset else { return nil }
    defer { offset += MemoryLayout<Value>.size }
    return bytes.loadUnaligned(fromByteOffset: offset, as: Value.self)
  }

  /// An unsigned LEB128 number; nil also if it is longer than any needs to be.
  mutating func number() -> UInt64? {
    var (value, shift) = (UInt64(0), UInt64(0))
    for _ in 0..<Self.numberLimit {
      guard let byte = next(UInt8.self) else { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
    }
    return nil
  }

  /// A unit's length with the size of its offsets, 4 or 8 bytes.
  mutating func unitLength() -> (length: UInt64, offsetSize: Int)? {
    guard let short = next(UInt32.self) else { return nil }
    // The numbers between are reserved.
    guard short >= 0xFFFF_FFF0 else { return (UInt64(short), 4) }
    guard short == .max, let long = next(UInt64.self) else { return nil }
    return (long, 8)
  }

  /// A number of 4 or 8 bytes.
  mutating func offset(size: Int) -> UInt64? { size == 8 ? next(UInt64.self) : next(UInt32.self).map(UInt64.init) }

  mutating func skip(_ count: UInt64) -> Bool {
    guard count <= UInt64(bytes.count - offset) else { return false }
    offset += Int(count)
    return true
  }

  /// The length of a string without its NUL, which is skipped; nil if it is longer than `limit`.
  mutating func stringLength(limit: Int) -> Int? {
    let room = min(bytes.count - offset, limit == .max ? limit : limit + 1)
    guard room > 0, let base = bytes.baseAddress, let end = memchr(base + offset, 0, room) else { return nil }
    let length = (base + offset).distance(to: end)
    offset += length + 1
    return length
  }
}
