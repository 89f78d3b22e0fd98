internal import TraceModel

/// A record's bytes as the decoder reads them: a cursor whose failures are the record's.
struct PerfRecordBytes {
  private var cursor: ByteCursor

  /// The bytes of a record from `offset` on, up to `end`: the record's, or that of what stands before its stamp.
  init(_ bytes: UnsafeRawBufferPointer, from offset: Int, to end: Int) throws(PerfRecordFailure) {
    guard offset >= 0, end >= offset, bytes.baseAddress != nil,
      let cursor = ByteCursor(bytes).part(from: UInt64(offset), to: UInt64(end))
    else { throw .truncated }
    self.cursor = cursor
  }

  /// The next number of a type.
  @inline(__always)
  mutating func next<Value: FixedWidthInteger & BitwiseCopyable>(
    _: Value.Type = Value.self
  ) throws(PerfRecordFailure) -> Value {
    guard let value = cursor.next(Value.self) else { throw .truncated }
    return value
  }

  /// Steps over `count` elements of `size` bytes and says where they are.
  @inline(__always)
  mutating func span(_ count: UInt64, of size: Int = 1) throws(PerfRecordFailure) -> ByteSpan {
    let (length, overflow) = count.multipliedReportingOverflow(by: UInt64(size))
    guard !overflow, let range = cursor.block(length) else { throw .truncated }
    return ByteSpan(offset: range.lowerBound, length: range.count)
  }

  /// Where the text lies that goes up to its zero, or to the end where there is none.
  func text() -> ByteSpan {
    var rest = cursor
    let range = rest.string(limit: .max) ?? cursor.offset..<cursor.end
    return ByteSpan(offset: range.lowerBound, length: range.count)
  }

  /// The 8 bytes at an offset within; 0 elsewhere.
  @inline(__always)
  func word(at offset: Int) -> UInt64 {
    var place = cursor
    return place.move(to: offset) ? place.next() ?? 0 : 0
  }
}

/// Why a record could not be decoded. It is skipped by its header's length, and counted.
package enum PerfRecordFailure: Error, Sendable {
  /// The record ends before what it says that it holds.
  case truncated
  /// The record contradicts itself.
  case inconsistent
}
