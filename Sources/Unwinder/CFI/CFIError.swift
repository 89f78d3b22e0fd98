/// Why call frame information does not say how to unwind.
package enum CFIError: Error, Equatable {
  /// A field lies beyond the end of its entry or section.
  case truncated
  /// A version, an encoding, an instruction or an operation that is not known.
  case unsupported
  /// Well-formed bytes that cannot be meant: a restore without a remember, a row at an address before the last one.
  case malformed
  /// More instructions, remembered rows or expression steps than any compiler writes.
  case limitReached
}
