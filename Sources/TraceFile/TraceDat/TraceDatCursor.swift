internal import TraceFormat
internal import TraceModel

/// The bytes end before what was to be read.
struct TraceDatCut: Error {}

/// Reads what a trace.dat says in numbers and texts, forwards, each checked against the end of the bytes. Numbers have the byte
/// order of the machine that was recorded.
struct TraceDatCursor {
  private let bytes: SectionBytes
  private let byteOrder: PageLayout.ByteOrder
  /// Where the next byte lies, counted from the first of all bytes.
  private(set) var offset: Int

  init(_ bytes: SectionBytes, _ byteOrder: PageLayout.ByteOrder, offset: Int = 0) {
    self.bytes = bytes
    self.byteOrder = byteOrder
    self.offset = offset
  }

  /// The number of bytes that are left.
  var left: Int { bytes.count - offset }

  /// The next number of a type.
  mutating func number<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type = Value.self
  ) throws(TraceDatCut) -> Value {
    guard let value = bytes.load(type, at: offset) else { throw TraceDatCut() }
    offset += MemoryLayout<Value>.size
    return byteOrder == .little ? Value(littleEndian: value) : Value(bigEndian: value)
  }

  /// The next `count` bytes, as many as a number in the file says.
  mutating func block(_ count: UInt64) throws(TraceDatCut) -> ArraySlice<UInt8> {
    guard count <= UInt64(left) else { throw TraceDatCut() }
    defer { offset += Int(count) }
    return bytes.bytes[offset..<offset + Int(count)]
  }

  /// The next `count` bytes as text.
  mutating func text(_ count: UInt64) throws(TraceDatCut) -> String {
    String(decoding: try block(count).prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The text up to the next NUL, which is stepped over.
  mutating func string() throws(TraceDatCut) -> String {
    guard let found = bytes.stringBytes(at: offset) else { throw TraceDatCut() }
    offset += found.count + 1
    return String(decoding: found, as: UTF8.self)
  }
}
