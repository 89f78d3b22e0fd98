internal import TraceModel

/// The reads of debug information.
///
/// libelf keeps a section's bytes as long as its handle, which whoever makes a cursor over them keeps longer than that.
extension ByteCursor {
  /// An unsigned LEB128 number; nil also if it has more than ten bytes, which hold 64 bits: libdw stops there too, and would take the
  /// rest for something else.
  @inline(__always)
  mutating func number() -> UInt64? { unsignedLEB(limit: 10) }

  /// A unit's length with the size of its offsets, 4 or 8 bytes.
  mutating func unitLength() -> (length: UInt64, offsetSize: Int)? {
    guard let short = next(UInt32.self) else { return nil }
    // The numbers between are reserved.
    guard short >= 0xFFFF_FFF0 else { return (UInt64(short), 4) }
    guard short == .max, let long = next(UInt64.self) else { return nil }
    return (long, 8)
  }

  /// A number of 4 or 8 bytes.
  mutating func offset(size: Int) -> UInt64? { word(is64Bit: size == 8) }

  /// The length of a string without its NUL, which is skipped; nil if it is longer than `limit`.
  mutating func stringLength(limit: Int) -> Int? { string(limit: limit)?.count }
}
