internal import TraceModel

/// The reads of call frame information, which say why they fail.
extension ByteCursor {
  /// The most bytes of one LEB128 number: ten hold 64 bits, and some tools pad.
  private static let numberLimit = 16
  /// The most bytes of an augmentation string.
  private static let stringLimit = 63

  @inline(__always)
  mutating func read<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) throws(CFIError) -> Value {
    guard let value = next(Value.self) else { throw .truncated }
    return value
  }

  mutating func address(is64Bit: Bool) throws(CFIError) -> UInt64 {
    guard let value = word(is64Bit: is64Bit) else { throw .truncated }
    return value
  }

  @inline(__always)
  mutating func unsignedLEB() throws(CFIError) -> UInt64 {
    guard let value = unsignedLEB(limit: Self.numberLimit) else { throw isAtEnd ? .truncated : .malformed }
    return value
  }

  @inline(__always)
  mutating func signedLEB() throws(CFIError) -> Int64 {
    guard let value = signedLEB(limit: Self.numberLimit) else { throw isAtEnd ? .truncated : .malformed }
    return value
  }

  /// Where the bytes up to a NUL lie, without it.
  mutating func string() throws(CFIError) -> Range<Int> {
    guard let range = string(limit: Self.stringLimit) else { throw .truncated }
    return range
  }

  /// Where the next `count` bytes lie, which are stepped over.
  mutating func bytes(_ count: UInt64) throws(CFIError) -> Range<Int> {
    guard let range = block(count) else { throw .truncated }
    return range
  }

  /// A cursor over the bytes in `range`.
  func within(_ range: Range<Int>) throws(CFIError) -> ByteCursor {
    guard range.lowerBound >= 0, let part = part(from: UInt64(range.lowerBound), to: UInt64(min(range.upperBound, end)))
    else { throw .truncated }
    return part
  }
}

extension SectionBytes {
  /// Passes a cursor over the bytes in `range`, which is valid during the call.
  @inline(__always)
  func read<Result>(_ range: Range<Int>, _ body: (inout ByteCursor) throws(CFIError) -> Result) throws(CFIError)
    -> Result
  {
    try bytes.withUnsafeBufferPointer { buffer throws(CFIError) in
      var cursor = try ByteCursor(UnsafeRawBufferPointer(buffer)).within(range)
      return try body(&cursor)
    }
  }

  /// Passes a cursor over the bytes from `offset` to the end, which is valid during the call.
  @inline(__always)
  func read<Result>(from offset: Int, _ body: (inout ByteCursor) throws(CFIError) -> Result) throws(CFIError) -> Result
  {
    guard offset >= 0, offset < count else { throw .truncated }
    return try read(offset..<count, body)
  }
}
