/// A record put together by hand.
package struct RecordBuilder {
  package private(set) var bytes: [UInt8]

  package init(type: UInt32, misc: UInt16 = 0) {
    bytes = []
    add(type)
    add(misc)
    add(UInt16(0))
  }

  package mutating func add<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func add(text: String) {
    bytes += Array(text.utf8)
    repeat { bytes.append(0) } while bytes.count % 8 != 0
  }

  /// The bytes with their length in the header.
  package var finished: [UInt8] {
    var record = bytes
    record[6] = UInt8(truncatingIfNeeded: record.count)
    record[7] = UInt8(truncatingIfNeeded: record.count >> 8)
    return record
  }
}
