/// A page under construction, as the kernel lays it out on a 64-bit little-endian machine.
package struct HandmadePage {
  package var timestamp: UInt64
  package var records: [UInt8] = []
  package var flags: UInt64 = 0
  package var trailer: [UInt8] = []
  /// What the page says of its length; nil: the truth.
  package var claimedLength: Int?

  package init(timestamp: UInt64) { self.timestamp = timestamp }

  package mutating func add<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.littleEndian) { records += $0 }
  }

  package mutating func header(type: UInt32, delta: UInt32) { add(type | delta << 5) }

  /// A `softirq_entry` record.
  package mutating func softIRQ(delta: UInt32, vector: UInt32 = 3, tid: Int32 = 7) {
    header(type: 3, delta: delta)
    add(UInt16(223))
    add(UInt16(0))
    add(tid)
    add(vector)
  }

  package var bytes: [UInt8] {
    var page = HandmadePage(timestamp: 0)
    page.add(timestamp)
    page.add(UInt64(claimedLength ?? records.count) | flags)
    return page.records + records + trailer
  }
}
