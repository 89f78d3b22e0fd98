/// Bytes of a file that are put together from numbers and texts; numbers are little-endian, as on every machine that records.
struct FileBytes {
  private(set) var bytes: [UInt8] = []

  /// The number of bytes so far.
  var count: Int { bytes.count }

  mutating func add<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(_ other: some Sequence<UInt8>) { bytes.append(contentsOf: other) }

  /// Adds a text and the zero that ends it.
  mutating func add(string: String) {
    bytes.append(contentsOf: string.utf8)
    bytes.append(0)
  }

  /// Adds a text behind its length, of a type that the format asks for.
  mutating func add<Length: FixedWidthInteger>(sized text: some Collection<UInt8>, _: Length.Type) {
    add(Length(truncatingIfNeeded: text.count))
    add(text)
  }

  /// Adds zeros until the length is a multiple of `alignment`, bytes.
  mutating func pad(to alignment: Int) {
    while bytes.count % alignment != 0 { bytes.append(0) }
  }

  /// Writes a number over what is at `offset`, where room was left for it.
  mutating func set<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
    withUnsafeBytes(of: number.littleEndian) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
  }
}
