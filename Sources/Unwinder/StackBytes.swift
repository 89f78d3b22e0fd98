/// The piece of a thread's stack that was copied when it was sampled.
///
/// Invariant that makes the pointer sound: the memory belongs to the caller, who keeps it for as long as this value is
/// used; every load is checked against its bounds.
package struct StackBytes {
  /// The address of the first byte in the thread's memory: the stack pointer.
  package let start: UInt64
  private let bytes: UnsafeRawBufferPointer

  /// Takes the bytes that the thread's memory has from `start` on.
  package init(start: UInt64, bytes: UnsafeRawBufferPointer) {
    self.start = start
    self.bytes = bytes
  }

  /// The number of bytes in the copy.
  package var count: Int { bytes.count }

  /// The word at `address`; nil if it is not part of the copy.
  @inline(__always)
  package func word(at address: UInt64) -> UInt64? {
    let offset = address &- start
    guard address >= start, let base = bytes.baseAddress, bytes.count >= 8, offset <= UInt64(bytes.count - 8) else {
      return nil
    }
    return base.loadUnaligned(fromByteOffset: Int(truncatingIfNeeded: offset), as: UInt64.self)
  }

  /// The `size` (1, 2, 4 or 8) bytes at `address`, zero-extended.
  func number(at address: UInt64, size: UInt8) -> UInt64? {
    let offset = address &- start
    guard address >= start, let base = bytes.baseAddress, bytes.count >= Int(size),
      offset <= UInt64(bytes.count - Int(size))
    else { return nil }
    let place = base + Int(offset)
    switch size {
    case 1: return UInt64(place.loadUnaligned(as: UInt8.self))
    case 2: return UInt64(place.loadUnaligned(as: UInt16.self))
    case 4: return UInt64(place.loadUnaligned(as: UInt32.self))
    case 8: return place.loadUnaligned(as: UInt64.self)
    default: return nil
    }
  }

  /// Whether `address` lies beyond the copy, where the stack goes on.
  @inline(__always)
  func isBeyond(_ address: UInt64) -> Bool { address >= start && word(at: address) == nil }
}
