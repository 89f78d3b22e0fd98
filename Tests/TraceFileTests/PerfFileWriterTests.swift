import Foundation
import Testing
import TraceFormat
import TraceModel
import TraceTestSupport

@testable import TraceFile

/// Files that are written as stack samples come, read again: whole, and as a killed writer leaves them.
struct PerfFileWriterTests {
  private static let sampleType: UInt64 =
    PerfFileWriter.sampleType | PerfRecordLayout.tid | PerfRecordLayout.time | PerfRecordLayout.cpu

  /// Attributes of a size of 128 bytes: type, size, number, period, sample_type, read_format, and flags with sample_id_all and
  /// use_clockid, whose clock is CLOCK_MONOTONIC.
  private static func event(_ name: String, type: UInt32, number: UInt64) -> PerfEventDescription {
    var attributes = FileBytes()
    attributes.add(type)
    attributes.add(UInt32(128))
    for word in [number, 1, sampleType, 0, 1 << 18 | 1 << 25] as [UInt64] { attributes.add(word) }
    attributes.add([UInt8](repeating: 0, count: 128 - attributes.bytes.count))
    attributes.set(UInt32(1), at: 92)
    return PerfEventDescription(name: name, attributes: attributes.bytes)
  }

  private static let events = [
    event("sched:sched_switch", type: 2, number: 316), event("task-clock:k", type: 1, number: 1),
  ]

  /// A sample as the kernel writes it, with an identifier that the file does not know.
  private static func sample(_ tid: Int32, at time: UInt64) -> [UInt8] {
    var record = RecordBuilder(type: 9)
    for word in [4711, 0xFFFF_FFFF_8100_0000, UInt64(UInt32(bitPattern: tid)) << 32 | 7, time, 1] as [UInt64] {
      record.add(word)
    }
    record.add(UInt32(4))
    record.add(UInt32(0))
    return record.finished
  }

  private static func withPath<Result>(_ body: (String) throws -> Result) throws -> Result {
    let path = FileManager.default.temporaryDirectory.appending(path: "written-\(UUID().uuidString).data").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
  }

  private static func writer(_ path: String) throws -> PerfFileWriter {
    var writer = try PerfFileWriter(path, events)
    let mapping = CodeMapping(
      start: 0x1000, length: 0x2000, fileOffset: 0x3000, path: "/usr/bin/x", buildID: Array(1...20))
    writer.append(PerfRecordWriting.name("worker", tid: 8, of: 7, at: 0))
    writer.append(PerfRecordWriting.mapping(mapping, of: 7, at: 0))
    writer.note(PerfFileBuildID(pid: 7, path: mapping.path, buildID: mapping.buildID))
    for time in 10..<20 as Range<UInt64> {
      sample(Int32(time), at: time).withUnsafeBytes { writer.append($0, of: Int(time) % 2, at: time) }
    }
    writer.append(PerfRecordWriting.lost(3, of: PerfFileWriter.identifier(of: 1), at: 20))
    writer.append(PerfRecordWriting.roundEnd)
    writer.flush()
    return writer
  }

  private static func features() -> PerfFileFeatures {
    var features = PerfFileFeatures()
    (features.hostname, features.architecture) = ("machine", "x86_64")
    features.command = ["kdelay-ftrace", "record"]
    features.clocks = (5, 6)
    features.tracingData = TracingData(headerPage: "page", headerEvent: "event", formats: [("sched", ["name: x"])])
    return features
  }

  /// What is read of the file: each record in words, and why there are no more.
  private static func read(_ path: String) throws -> (records: [String], end: PerfFile.End) {
    var file = try PerfFile.open(path, architecture: .x86_64)
    var records: [String] = []
    try file.forEachRecord { record, bytes, place in
      switch record {
      case .sample(let sample): records.append("\(sample.stamp.tid) at \(place.timestamp) of \(place.event)")
      case .lostSamples(let count, _): records.append("\(count) lost of \(place.event)")
      default: records.append("\(ProcessChange(record, bytes).map { "\($0.kind)" } ?? "?")")
      }
    }
    #expect(file.malformed == 0)
    return (records, file.end)
  }

  @Test func whatWasWrittenIsRead() throws {
    try Self.withPath { path in
      try Self.writer(path).finish(Self.features())
      let (records, end) = try Self.read(path)
      #expect(end == .complete)
      #expect(records.count == 13)
      #expect(records[0].contains("worker") && records[1].contains("/usr/bin/x"))
      #expect(records[2...].prefix(10) == (10..<20).map { "\($0) at \($0) of \($0 % 2)" }[...])
      #expect(records[12] == "3 lost of 1")
      let file = try PerfFile.open(path, architecture: .x86_64)
      #expect(file.buildIDs == [PerfFileBuildID(pid: 7, path: "/usr/bin/x", buildID: Array(1...20))])
      #expect(file.events.map(\.clock) == [1, 1])
    }
  }

  @Test func aKilledWritersFileIsReadAsFarAsItWasFlushed() throws {
    try Self.withPath { path in
      var writer = try Self.writer(path)
      Self.sample(99, at: 99).withUnsafeBytes { writer.append($0, of: 0, at: 99) }
      let (records, end) = try Self.read(path)
      #expect(end == .unfinished)
      #expect(records.count == 13)
      #expect(writer.size > UInt64(try #require(FileManager.default.contents(atPath: path)).count))
    }
  }

  /// Wherever a file is cut, what stands before the cut is read, and that it was cut is known.
  @Test(arguments: [true, false])
  func aCutFileIsReadUpToTheCut(isFinished: Bool) throws {
    try Self.withPath { path in
      let writer = try Self.writer(path)
      if isFinished { try writer.finish(Self.features()) }
      let whole = try Self.read(path).records
      let bytes = try #require(FileManager.default.contents(atPath: path))
      var most = 0
      for length in 0..<bytes.count {
        try bytes.prefix(length).write(to: URL(filePath: path))
        do {
          let (records, end) = try Self.read(path)
          #expect(records[...] == whole.prefix(records.count))
          #expect(records.count >= most && (end != .complete || records.count == whole.count))
          most = records.count
        } catch is TraceFileError {
          // Within what stands before the records, or behind them.
        }
      }
      #expect(most == whole.count)
    }
  }

  @Test func aFullDiskIsSaid() throws {
    do throws(TraceFileError) {
      _ = try PerfFileWriter("/dev/full", Self.events)
      Issue.record("nothing was written, and nobody was told")
    } catch {
      #expect(error.code == .unwritable)
    }
    #expect(throws: TraceFileError.self) { _ = try PerfFileWriter("/nonexistent/perf.data", Self.events) }
  }
}
