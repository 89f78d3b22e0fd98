/// Bytes that are put together number by number, little-endian as on every machine that recordings are made on.
package struct ByteWriter: Sendable {
  /// What was put together so far.
  package private(set) var bytes: [UInt8] = []

  package init() {}

  /// Appends a number.
  package mutating func add<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Appends bytes as they are.
  package mutating func add(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  /// Appends a text and the zero behind it.
  package mutating func add(terminated text: String) {
    bytes.append(contentsOf: text.utf8)
    bytes.append(0)
  }

  /// Appends zeros until the length is a multiple of `alignment`, bytes.
  package mutating func pad(to alignment: Int) {
    while bytes.count % alignment != 0 { bytes.append(0) }
  }

  /// Writes a number over what stands at `offset`, which lies within.
  package mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
  }
}
