internal import TraceModel

/// Reads a section's bytes in order, up to `end`.
struct ByteCursor {
  /// Bytes of one LEB128 number: ten hold 64 bits, and some tools pad. Without a limit a number is as long as its file.
  static let numberLimit: UInt64 = 16
  /// Bytes of a string.
  static let stringLimit = 64

  let data: SectionBytes
  /// Of the next byte, within the section.
  var offset: Int
  /// At most the section's count.
  let end: Int

  /// Reads the part of `range` that lies within the data.
  init(_ data: SectionBytes, _ range: Range<Int>) {
    self.data = data
    end = min(range.upperBound, data.count)
    offset = range.lowerBound
  }

  var isAtEnd: Bool { offset >= end }

  mutating func next<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) throws(CFIError) -> Value {
    guard offset >= 0, offset <= end, MemoryLayout<Value>.size <= end - offset,
      let value = data.load(Value.self, at: offset)
    else { throw .truncated }
    offset += MemoryLayout<Value>.size
    return value
  }

  mutating func address(is64Bit: Bool) throws(CFIError) -> UInt64 {
    is64Bit ? try next(UInt64.self) : UInt64(try next(UInt32.self))
  }

  mutating func unsignedLEB() throws(CFIError) -> UInt64 { try leb().value }

  mutating func signedLEB() throws(CFIError) -> Int64 {
    let (value, bits) = try leb()
    let isNegative = bits < 64 && value >> (bits - 1) & 1 != 0
    return Int64(bitPattern: isNegative ? value | ~0 << bits : value)
  }

  /// A number of 7 bits a byte, least first, and how many bits it was written in.
  private mutating func leb() throws(CFIError) -> (value: UInt64, bits: UInt64) {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try next(UInt8.self)
      // Padding beyond 64 bits carries nothing.
      if shift < 64 { value |= UInt64(byte & 0x7F) << shift }
      shift += 7
      if byte & 0x80 == 0 { return (value, shift) }
      guard shift < 7 * Self.numberLimit else { throw .malformed }
    }
  }

  /// The bytes up to a NUL, without it.
  mutating func string() throws(CFIError) -> ArraySlice<UInt8> {
    guard offset >= 0, offset <= end else { throw .truncated }
    let bytes = data.bytes[offset..<min(end, offset + Self.stringLimit)]
    guard let last = bytes.firstIndex(of: 0) else { throw .truncated }
    offset = last + 1
    return bytes[..<last]
  }

  /// The next `count` bytes' place, which is skipped.
  mutating func block(_ count: UInt64) throws(CFIError) -> Range<Int> {
    guard offset <= end, count <= UInt64(end - offset) else { throw .truncated }
    let start = offset
    offset += Int(count)
    return start..<offset
  }
}
