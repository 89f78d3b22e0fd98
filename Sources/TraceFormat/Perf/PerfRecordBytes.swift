internal import TraceModel

/// The one way in which the decoder reads a record: forwards, checked against the record's end.
///
/// Invariant that makes the pointer sound: it is used only while the record's bytes are, and no offset leaves 0...`end`.
struct PerfRecordBytes {
  private let base: UnsafeRawPointer
  /// Bytes read so far.
  private(set) var offset: Int
  /// Where reading ends; the record's, or that of what stands before its stamp.
  let end: Int

  init(_ bytes: UnsafeRawBufferPointer, from offset: Int, to end: Int) throws(PerfRecordFailure) {
    guard let base = bytes.baseAddress, offset >= 0, offset <= end, end <= bytes.count else { throw .truncated }
    self.base = base
    self.offset = offset
    self.end = end
  }

  @inline(__always)
  mutating func next<Value: FixedWidthInteger & BitwiseCopyable>(
    _: Value.Type = Value.self
  ) throws(PerfRecordFailure) -> Value {
    guard end &- offset >= MemoryLayout<Value>.size else { throw .truncated }
    defer { offset &+= MemoryLayout<Value>.size }
    return base.loadUnaligned(fromByteOffset: offset, as: Value.self)
  }

  /// Steps over `count` elements of `size` bytes and says where they are.
  @inline(__always)
  mutating func span(_ count: UInt64, of size: Int = 1) throws(PerfRecordFailure) -> ByteSpan {
    // Compared before it is multiplied: the count is anybody's.
    guard count <= UInt64((end &- offset) / size) else { throw .truncated }
    let span = ByteSpan(offset: offset, length: Int(count) &* size)
    offset &+= span.length
    return span
  }

  /// Text up to its zero, or all that is left where there is none.
  func text() -> ByteSpan {
    var last = offset
    while last < end, base.load(fromByteOffset: last, as: UInt8.self) != 0 { last &+= 1 }
    return ByteSpan(offset: offset, length: last &- offset)
  }

  @inline(__always)
  func word(at offset: Int) -> UInt64 { base.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
}

/// Why a record could not be decoded. It is skipped by its header's length, and counted.
package enum PerfRecordFailure: Error, Sendable {
  /// It ends before what it says that it holds.
  case truncated
  /// It contradicts itself.
  case inconsistent
}
