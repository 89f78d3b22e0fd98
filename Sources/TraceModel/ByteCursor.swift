internal import Glibc

/// Reads numbers and texts that somebody else wrote, forwards, each checked against the end of the bytes. Whatever does not
/// lie within reads as nil.
///
/// Numbers are little-endian, as on every machine whose files are read. `public`, as what is inlinable of `package` access is not
/// specialised in other modules.
///
/// Invariant that makes the pointer sound: whoever makes a cursor keeps the bytes for as long as it is used, and `offset` never
/// leaves `0...end`.
@frozen
public struct ByteCursor {
  @usableFromInline let bytes: UnsafeRawBufferPointer
  /// The place of the next byte, counted from the first of all bytes.
  @usableFromInline var place: Int

  /// Reads all of the bytes.
  @inlinable
  @inline(__always)
  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    place = 0
  }

  /// A cursor without bytes.
  public init() { self.init(UnsafeRawBufferPointer(start: nil, count: 0)) }

  /// Where the next byte lies, counted from the first of all bytes.
  @inlinable
  @inline(__always)
  public var offset: Int { place }

  /// Where reading ends.
  @inlinable
  @inline(__always)
  public var end: Int { bytes.count }

  /// Whether nothing is left.
  @inlinable
  @inline(__always)
  public var isAtEnd: Bool { place >= bytes.count }

  /// A cursor over the same bytes from `offset` on, up to `end` or to where this one ends; nil if that is not within.
  public func part(from offset: UInt64, to end: UInt64? = nil) -> ByteCursor? {
    guard let offset = Int(exactly: offset), let end = end.map({ Int(exactly: $0) }) ?? bytes.count, offset <= end,
      end <= bytes.count
    else { return nil }
    var part = ByteCursor(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
    part.place = offset
    return part
  }

  /// Goes to a place within, forwards or back; false, and nothing is done, if it is not.
  @inlinable
  @inline(__always)
  public mutating func move(to offset: Int) -> Bool {
    guard offset >= 0, offset <= bytes.count else { return false }
    place = offset
    return true
  }

  /// Where a pointer into the bytes points to; nil if it does not.
  public func offset(of pointer: UnsafeRawPointer) -> UInt64? {
    guard let base = bytes.baseAddress, pointer >= base, pointer < base + bytes.count else { return nil }
    return UInt64(base.distance(to: pointer))
  }

  /// The next number of a type.
  @inlinable
  @inline(__always)
  public mutating func next<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type = Value.self) -> Value? {
    guard let base = bytes.baseAddress, MemoryLayout<Value>.size <= bytes.count &- place else { return nil }
    let value = base.loadUnaligned(fromByteOffset: place, as: Value.self)
    place &+= MemoryLayout<Value>.size
    return value
  }

  /// A number of 4 or 8 bytes.
  @inlinable
  public mutating func word(is64Bit: Bool) -> UInt64? {
    is64Bit ? next(UInt64.self) : next(UInt32.self).map(UInt64.init)
  }

  /// An unsigned LEB128 number (DWARF 5, 7.6); nil also if it has more than `limit` bytes: without a limit a number is as long as its
  /// file. What is beyond 64 bits is left out.
  @inlinable
  @inline(__always)
  public mutating func unsignedLEB(limit: Int) -> UInt64? { leb(limit: limit)?.value }

  /// A signed LEB128 number (DWARF 5, 7.6); nil also if it has more than `limit` bytes.
  @inlinable
  @inline(__always)
  public mutating func signedLEB(limit: Int) -> Int64? {
    guard let (value, bits) = leb(limit: limit) else { return nil }
    let isNegative = bits < 64 && value >> (bits - 1) & 1 != 0
    return Int64(bitPattern: isNegative ? value | ~0 << bits : value)
  }

  /// A number of 7 bits a byte, least first, and how many bits it was written in.
  @inlinable
  @inline(__always)
  mutating func leb(limit: Int) -> (value: UInt64, bits: UInt64)? {
    var (value, bits) = (UInt64(0), UInt64(0))
    for _ in 0..<limit {
      guard let byte = next(UInt8.self) else { return nil }
      // Padding beyond 64 bits carries nothing.
      if bits < 64 { value |= UInt64(byte & 0x7F) &<< bits }
      bits &+= 7
      if byte & 0x80 == 0 { return (value, bits) }
    }
    return nil
  }

  /// Steps over `count` bytes; false, and nothing is done, if there are fewer.
  @inlinable
  @inline(__always)
  public mutating func skip(_ count: UInt64) -> Bool { block(count) != nil }

  /// Where the next `count` bytes lie, which are stepped over.
  @inlinable
  @inline(__always)
  public mutating func block(_ count: UInt64) -> Range<Int>? {
    guard count <= UInt64(bytes.count &- place) else { return nil }
    let start = place
    place &+= Int(truncatingIfNeeded: count)
    return start..<place
  }

  /// Where the bytes up to the next NUL lie, which is stepped over too; nil if there are more than `limit`.
  public mutating func string(limit: Int) -> Range<Int>? {
    let room = min(bytes.count - place, limit == .max ? limit : limit + 1)
    guard room > 0, let base = bytes.baseAddress, let end = memchr(base + place, 0, room) else { return nil }
    let start = place
    place += (base + place).distance(to: end) + 1
    return start..<place - 1
  }

  /// The byte at a place within; 0 elsewhere.
  @inlinable
  public func byte(at offset: Int) -> UInt8 { bytes.indices.contains(offset) ? bytes[offset] : 0 }
}
