import Foundation
import TraceModel

@testable import TraceSource

/// A perf.data file beside perf's own dump of it; see Tests/PerfFixtures/README.md.
struct PerfFixture {
  let bytes: [UInt8]
  let decoder: PerfRecordDecoder
  /// Where each record lies in `bytes`.
  let records: [Range<Int>]
  let text: String

  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "PerfFixtures")

  struct Unreadable: Error {}

  init(_ name: String) throws {
    bytes = [UInt8](try Data(contentsOf: Self.root.appending(path: "\(name).data")))
    text = try String(contentsOf: Self.root.appending(path: "\(name).txt"), encoding: .utf8)
    let bytes = bytes
    func word(_ offset: Int) -> UInt64 {
      bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }
    // struct perf_file_header: magic, size, attr_size, then offset and size of attributes and of records.
    let attribute = Int(word(24))
    guard
      let layout = PerfRecordLayout(
        sampleType: word(attribute + 24), readFormat: word(attribute + 32), registerMask: word(attribute + 80),
        architecture: .x86_64, hasStamps: word(attribute + 40) & 1 << 18 != 0)
    else { throw Unreadable() }
    decoder = PerfRecordDecoder(layout: layout)
    var records: [Range<Int>] = []
    var offset = Int(word(40))
    let end = offset + Int(word(48))
    while offset < end {
      let length = bytes.withUnsafeBytes {
        PerfRecordDecoder.length(UnsafeRawBufferPointer(rebasing: $0[offset..<end]))
      }
      guard let length else { throw Unreadable() }
      records.append(offset..<offset + length)
      offset += length
    }
    self.records = records
  }

  /// Record types from here on are perf's own, for its files alone.
  static let firstUserType: UInt32 = 64

  func type(_ range: Range<Int>) -> UInt32 {
    bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: range.lowerBound, as: UInt32.self) }
  }

  /// The kernel's records, decoded.
  func decodeAll(_ body: (PerfRecord, UnsafeRawBufferPointer, _ offset: Int) throws -> Void) throws {
    try bytes.withUnsafeBytes { all in
      for range in records where type(range) < Self.firstUserType {
        let record = UnsafeRawBufferPointer(rebasing: all[range])
        try body(try decoder.decode(record), record, range.lowerBound)
      }
    }
  }
}

/// A record put together by hand.
struct RecordBuilder {
  private(set) var bytes: [UInt8]

  init(type: UInt32, misc: UInt16 = 0) {
    bytes = []
    add(type)
    add(misc)
    add(UInt16(0))
  }

  mutating func add<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(text: String) {
    bytes += Array(text.utf8)
    repeat { bytes.append(0) } while bytes.count % 8 != 0
  }

  /// The bytes with their length in the header.
  var finished: [UInt8] {
    var record = bytes
    record[6] = UInt8(truncatingIfNeeded: record.count)
    record[7] = UInt8(truncatingIfNeeded: record.count >> 8)
    return record
  }
}
