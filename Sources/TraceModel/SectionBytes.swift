internal import Glibc

/// The bytes of a section of a file, read with bounds checked: what they say of offsets and lengths is the file's word.
///
/// Numbers are little-endian, as on every machine that an ELF file is accepted for.
package struct SectionBytes: Sendable {
  /// All bytes of the section.
  package let bytes: [UInt8]

  /// The number of bytes.
  package var count: Int { bytes.count }

  package init(_ bytes: [UInt8] = []) { self.bytes = bytes }

  /// The number at `offset`; nil if it does not lie within.
  package func load<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at offset: Int) -> Value? {
    guard offset >= 0, offset <= count, MemoryLayout<Value>.size <= count - offset else { return nil }
    return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Value.self) }
  }

  /// An address-sized number of a 64-bit or 32-bit image.
  package func word(at offset: Int, is64Bit: Bool) -> UInt64? {
    is64Bit ? load(UInt64.self, at: offset) : load(UInt32.self, at: offset).map(UInt64.init)
  }

  /// The bytes from `offset` up to the next NUL; nil without one.
  package func stringBytes(at offset: Int) -> ArraySlice<UInt8>? {
    guard offset >= 0, offset < count, let end = end(ofStringAt: offset) else { return nil }
    return bytes[offset..<end]
  }

  /// The NUL-terminated text at `offset`, invalid UTF-8 repaired.
  package func string(at offset: Int) -> String? {
    stringBytes(at: offset).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether `text` is the NUL-terminated one at `offset`.
  package func equals(_ text: StaticString, at offset: Int) -> Bool {
    guard offset >= 0, offset <= count, text.utf8CodeUnitCount < count - offset else { return false }
    return bytes.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return false }
      // The NUL that a StaticString ends with is compared too.
      return memcmp(base + offset, text.utf8Start, text.utf8CodeUnitCount + 1) == 0
    }
  }

  private func end(ofStringAt offset: Int) -> Int? {
    bytes.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress, let end = memchr(base + offset, 0, bytes.count - offset) else { return nil }
      return base.distance(to: end)
    }
  }
}
