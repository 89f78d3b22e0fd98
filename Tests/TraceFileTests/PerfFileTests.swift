import Foundation
import TestSupport
import Testing
import TraceModel
import TraceTestSupport

@testable import TraceFile

/// Files that perf writes, and files that nobody should.
struct PerfFileTests {
  /// A perf.data file put together by hand.
  private struct FileBuilder {
    var magic: [UInt8] = Array("PERFILE2".utf8)
    var headerSize: UInt64 = 104
    /// Each event's sample type and identifiers.
    var events: [(type: UInt64, identifiers: [UInt64])] = [(1 << 16 | 0x6, [1])]
    var records: [UInt8] = []
    /// Bytes of records that the header tells of; nil: the true ones.
    var toldSize: UInt64?
    var features: [(bit: Int, bytes: [UInt8])] = []

    private static let attributesSize = 128

    var bytes: [UInt8] {
      var builder = Words()
      let attributes = 104 + events.reduce(0) { $0 + $1.identifiers.count * 8 }
      let start = attributes + events.count * (Self.attributesSize + 16)
      builder.bytes = magic
      let head: [UInt64] = [
        headerSize, UInt64(Self.attributesSize + 16), UInt64(attributes),
        UInt64(events.count * (Self.attributesSize + 16)), UInt64(start), toldSize ?? UInt64(records.count), 0, 0,
      ]
      head.forEach { builder.add($0) }
      var bits: [UInt64] = [0, 0, 0, 0]
      for feature in features { bits[feature.bit / 64] |= 1 << UInt64(feature.bit % 64) }
      bits.forEach { builder.add($0) }
      var places: [UInt64] = []
      for event in events {
        places.append(UInt64(builder.bytes.count))
        event.identifiers.forEach { builder.add($0) }
      }
      for (event, place) in zip(events, places) {
        var attributes = Words()
        for word in [1, 0, 0, event.type, 0, 1 << 18] as [UInt64] { attributes.add(word) }
        attributes.bytes += [UInt8](repeating: 0, count: Self.attributesSize - attributes.bytes.count)
        builder.bytes += attributes.bytes
        builder.add(place)
        builder.add(UInt64(event.identifiers.count * 8))
      }
      builder.bytes += records
      var offset = UInt64(builder.bytes.count + features.count * 16)
      for feature in features {
        builder.add(offset)
        builder.add(UInt64(feature.bytes.count))
        offset += UInt64(feature.bytes.count)
      }
      return builder.bytes + features.flatMap(\.bytes)
    }
  }

  private struct Words {
    var bytes: [UInt8] = []
    mutating func add(_ word: UInt64) { withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) } }
  }

  private func withFile<Result>(_ bytes: [UInt8], _ body: (String) throws -> Result) throws -> Result {
    let path = FileManager.default.temporaryDirectory.appending(path: "perf-\(UUID().uuidString).data").path
    try Data(bytes).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  private func failure(_ builder: FileBuilder) throws -> TraceFileError? {
    try withFile(builder.bytes) { path in
      do throws(TraceFileError) {
        _ = try PerfFile.open(path)
        return nil
      } catch {
        return error
      }
    }
  }

  /// A throttle record of an event at a time.
  private func record(_ time: UInt64, event: UInt64, type: UInt32 = 5) -> [UInt8] {
    var record = RecordBuilder(type: type)
    // pid and tid, time, identifier
    for word in [0, time, event] as [UInt64] { record.add(word) }
    return record.finished
  }

  private func times(_ builder: FileBuilder) throws -> (times: [UInt64], end: PerfFile.End) {
    try withFile(builder.bytes) { path in
      var file = try PerfFile.open(path)
      var times: [UInt64] = []
      try file.forEachRecord { _, _, place in times.append(place.timestamp) }
      return (times, file.end)
    }
  }

  @Test func recordsComeInTheOrderOfTimeWhateverRoundTheyAreIn() throws {
    var builder = FileBuilder()
    for time in [30, 10, 20, 25, 5] as [UInt64] {
      builder.records += record(time, event: 1)
      builder.records += RecordBuilder(type: 68).finished  // FINISHED_ROUND
    }
    let found = try times(builder)
    #expect(found.times == [5, 10, 20, 25, 30])
    #expect(found.end == .complete)
  }

  @Test func recordsOfTheSameTimeStayInTheFilesOrder() throws {
    var builder = FileBuilder()
    for _ in 0..<100 { builder.records += record(7, event: 1) }
    try withFile(builder.bytes) { path in
      var file = try PerfFile.open(path)
      var last: UInt64 = 0
      try file.forEachRecord { _, _, place in
        #expect(place.offset > last)
        last = place.offset
      }
    }
  }

  @Test func aRecordIsItsEvents() throws {
    var builder = FileBuilder()
    // The other event's samples have an address as well.
    builder.events = [(1 << 16 | 0x6, [1, 2]), (1 << 16 | 0xE, [3, 4])]
    var sample = RecordBuilder(type: 9)
    for word in [4, 0, 70, 80] as [UInt64] { sample.add(word) }
    builder.records = record(10, event: 2) + record(20, event: 3) + sample.finished
    try withFile(builder.bytes) { path in
      let file = try PerfFile.open(path)
      #expect(file.places.map(\.event) == [0, 1, 1])
      #expect(file.places.map(\.timestamp) == [10, 20, 70])
      #expect(file.events[1].identifiers == [3, 4])
    }
  }

  @Test func eventsThatCannotBeToldApartAreRefused() throws {
    var builder = FileBuilder()
    builder.events = [(0x6, [1]), (0xE, [2])]
    #expect(try failure(builder)?.code == .unsupported)
    builder.events = [(0x6, [1]), (0x6, [2])]
    #expect(try failure(builder) == nil)
  }

  @Test func whatIsNotReadIsSaid() throws {
    var builder = FileBuilder()
    builder.records = record(1, event: 1)
    var other = builder
    other.magic.reverse()
    #expect(try failure(other)?.reason.contains("byte order") == true)
    other = builder
    other.headerSize = 16
    #expect(try failure(other)?.reason.contains("pipes") == true)
    other = builder
    other.magic = Array("PERFFILE".utf8)
    #expect(try failure(other)?.code == .malformed)
    other = builder
    other.features = [(27, [UInt8](repeating: 0, count: 20))]
    #expect(try failure(other)?.reason.contains("compressed") == true)
    other = builder
    other.records += record(2, event: 1, type: 81)
    #expect(try failure(other)?.reason.contains("compressed") == true)
    other = builder
    other.features = [(6, [8, 0, 0, 0] + Array("riscv64\0".utf8))]
    #expect(try failure(other)?.reason.contains("riscv64") == true)
    other = builder
    other.events = [(1 << 11, [1])]
    #expect(try failure(other)?.code == .unsupported)
    other = builder
    other.events = []
    #expect(try failure(other)?.code == .malformed)
  }

  @Test func noFileAndADirectoryAreErrors() {
    for path in ["/nonexistent/perf.data", "/tmp", "/dev/zero", "/dev/null"] {
      #expect(throws: TraceFileError.self) { _ = try PerfFile.open(path) }
    }
  }

  @Test func buildIDsAreRead() throws {
    var builder = FileBuilder()
    var (new, old) = (RecordBuilder(type: 67, misc: 1 << 15), RecordBuilder(type: 67))
    new.add(UInt32(7))
    for index in 0..<20 as Range<UInt8> { new.add(index) }
    new.add(UInt32(16))
    new.add(text: "/usr/lib/x")
    old.add(UInt32.max)
    for index in 0..<24 as Range<UInt8> { old.add(index) }
    old.add(text: "[kernel.kallsyms]")
    builder.records = record(1, event: 1)
    builder.features = [(2, new.finished + old.finished + [1, 2, 3])]
    let found = try withFile(builder.bytes) { path in try PerfFile.open(path).buildIDs }
    #expect(
      found == [
        PerfFileBuildID(pid: 7, path: "/usr/lib/x", buildID: Array(0..<16)),
        PerfFileBuildID(pid: -1, path: "[kernel.kallsyms]", buildID: Array(0..<20)),
      ])
  }

  @Test func anUnfinishedRecordingIsReadAsFarAsItGoes() throws {
    var builder = FileBuilder()
    builder.records = record(1, event: 1) + record(2, event: 1)
    builder.toldSize = 0
    #expect(try times(builder) == ([1, 2], .unfinished))
    builder.records.removeLast(5)
    #expect(try times(builder) == ([1], .unfinished))
  }

  @Test func aCutFileIsReadAsFarAsItGoes() throws {
    var builder = FileBuilder()
    builder.records = record(1, event: 1) + record(2, event: 1)
    builder.toldSize = UInt64(builder.records.count)
    for missing in 1...builder.records.count {
      builder.records.removeLast()
      let found = try times(builder)
      #expect(found.times == (missing <= 32 ? [1] : []))
      #expect(found.end == .cut)
    }
  }

  @Test func aRecordOfImpossibleLengthEndsTheFile() throws {
    var builder = FileBuilder()
    let start = builder.bytes.count
    builder.records = record(1, event: 1) + [5, 0, 0, 0, 0, 0, 7, 0] + record(2, event: 1)
    #expect(try times(builder) == ([1], .malformed(offset: UInt64(start + 32))))
  }

  @Test func aProcessorsTraceIsSkipped() throws {
    var builder = FileBuilder()
    var trace = RecordBuilder(type: 71)
    trace.add(UInt64(100))
    builder.records =
      record(1, event: 1) + trace.finished + [UInt8](repeating: 0xFF, count: 100) + record(2, event: 1)
    #expect(try times(builder) == ([1, 2], .complete))
    trace = RecordBuilder(type: 71)
    trace.add(UInt64.max - 4)
    builder.records = record(1, event: 1) + trace.finished
    guard case .malformed = try times(builder).end else {
      Issue.record("its length is not checked")
      return
    }
  }

  /// Every byte before the records, and some of theirs, set to others: an error or fewer records, never a crash.
  @Test(arguments: ["switches", "clock"])
  func mutatedFilesNeverCrash(_ name: String) throws {
    let fixture = try PerfFixture(name)
    var random = SplitMix64(state: 42)
    let first = try #require(fixture.records.first).lowerBound
    var (refused, read) = (0, 0)
    for round in 0..<600 {
      var bytes = fixture.bytes
      if round % 4 == 0 { bytes.removeLast(.random(in: 0..<bytes.count, using: &random)) }
      for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
        let end = round % 2 == 0 ? min(first, bytes.count) : bytes.count
        let place = Int.random(in: 0..<max(end, 1), using: &random)
        bytes[place] = [0, 1, 0x7F, 0xFF, .random(in: 0...255, using: &random)].randomElement(using: &random) ?? 0
      }
      try withFile(bytes) { path in
        do {
          var file = try PerfFile.open(path, architecture: .x86_64)
          try file.forEachRecord { _, _, _ in read += 1 }
        } catch is TraceFileError {
          refused += 1
        }
      }
    }
    #expect(refused > 0)
    #expect(read > 0)
  }
}
