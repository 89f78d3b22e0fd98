import Foundation
import TraceModel

@testable import TraceFile
@testable import TraceFormat
@testable import TraceSource

/// A perf.data file beside perf's own dump of it; see Tests/PerfFixtures/README.md.
struct PerfFixture {
  let bytes: [UInt8]
  let decoder: PerfRecordDecoder
  /// Where each of the kernel's records lies in `bytes`.
  let records: [Range<Int>]
  let text: String
  let path: String

  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "PerfFixtures")

  func file() throws -> PerfFile { try PerfFile.open(path, architecture: .x86_64) }

  init(_ name: String) throws {
    path = Self.root.appending(path: "\(name).data").path
    bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    text = try String(contentsOf: Self.root.appending(path: "\(name).txt"), encoding: .utf8)
    let file = try PerfFile.open(path, architecture: .x86_64)
    decoder = PerfRecordDecoder(layout: file.events[0].layout)
    records = file.places.map { Int($0.offset)..<Int($0.offset) + Int($0.length) }
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
