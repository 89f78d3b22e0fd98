import Foundation
import TestSupport
import Testing
import TraceModel
import TraceTestSupport

@testable import TraceFile
@testable import TraceFormat

/// Recordings of perf against perf's own dump of them.
struct PerfFixtureTests {
  private static let names = ["switches", "clock", "lost"]

  @Test(arguments: names)
  func everyRecordIsTheOneThatPerfDumps(_ name: String) throws {
    let fixture = try PerfFixture(name)
    let perfs = RecordText.parse(fixture.text)
    var compared = 0
    var file = try fixture.file()
    try file.forEachRecord { record, bytes, place in
      // perf makes it up for its own symbols; its text of the older MMAP is laid out otherwise.
      if case .mapping(let mapping) = record, mapping.protection == 0, mapping.inode == 0 { return }
      let text = try #require(perfs[Int(place.offset)], "perf has nothing at \(place.offset)")
      #expect(RecordText(record, bytes, fixture.decoder.layout.registerMask) == text.comparable)
      compared += 1
    }
    #expect(compared > 20)
    #expect(file.malformed == 0)
    #expect(file.end == .complete)
  }

  @Test func theFixturesHoldEveryTypeThatIsDecoded() throws {
    var heads: Set<String> = []
    for name in Self.names {
      var file = try PerfFixture(name).file()
      try file.forEachRecord { record, bytes, _ in
        let line = RecordText(record, bytes, 0).line
        heads.insert(String(line.prefix { $0.isLetter || $0.isNumber || $0 == "_" }))
      }
    }
    #expect(heads.isSuperset(of: ["SAMPLE", "MMAP2", "COMM", "FORK", "EXIT", "LOST", "SWITCH"]))
  }

  /// Whatever a record holds, the decoder stays inside it: each mutation is decoded from a buffer of exactly its length, and
  /// every span that it gives lies inside.
  @Test(arguments: names)
  func mutatedRecordsNeverLeadOutside(_ name: String) throws {
    let fixture = try PerfFixture(name)
    var random = SplitMix64(state: 4711)
    var refused = 0
    for range in fixture.records {
      for _ in 0..<40 {
        let isCut = Int.random(in: 1...4, using: &random) == 1
        let length = isCut ? Int.random(in: 0...range.count, using: &random) : range.count
        let record = UnsafeMutableRawBufferPointer.allocate(byteCount: max(length, 1), alignment: 8)
        defer { record.deallocate() }
        record.copyBytes(from: fixture.bytes[range].prefix(length))
        for _ in 0..<Int.random(in: 1...4, using: &random) where length > 0 {
          record[Int.random(in: 0..<min(length, 256), using: &random)] = .random(in: 0...255, using: &random)
        }
        if length >= 8, Bool.random(using: &random) {
          record.storeBytes(of: UInt16(truncatingIfNeeded: length), toByteOffset: 6, as: UInt16.self)
        }
        let bytes = UnsafeRawBufferPointer(rebasing: record[..<length])
        _ = fixture.decoder.timestamp(bytes)
        do throws(PerfRecordFailure) {
          for span in Self.spans(try fixture.decoder.decode(bytes)) where span.length > 0 {
            #expect(span.offset >= 8 && span.offset + span.length <= length)
          }
        } catch {
          refused += 1
        }
      }
    }
    #expect(refused > 0)
  }

  private static func spans(_ record: PerfRecord) -> [ByteSpan] {
    switch record {
    case .sample(let sample): [sample.kernelCallchain, sample.userCallchain, sample.raw, sample.userStack]
    case .mapping(let mapping): [mapping.path, mapping.buildID]
    case .name(let name): [name.name]
    default: []
    }
  }
}
