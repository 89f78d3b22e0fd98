import Foundation
import Testing
import TraceFile
import TraceFormat
import TraceModel
import TraceTestSupport

/// Recordings that were cut: an error that says so, or what lies before the cut, and a gap from there to the end.
///
/// They are cut at each hundredth byte or so; at every byte with `KDELAY_CUT_EVERY_BYTE=1`, which takes minutes.
struct TraceDatCutTests {
  private static let isThorough = ProcessInfo.processInfo.environment["KDELAY_CUT_EVERY_BYTE"] != nil

  private struct Reading {
    var events: [Event] = []
    var gaps: [Event] = []
    var end = TraceDatFile.End.complete
    var lacks: [String] = []
  }

  private func read(_ path: String) throws(TraceFileError) -> Reading {
    var capture = try RecordedCapture.open(path)
    var reading = Reading()
    reading.end = capture.end
    let tasks = try capture.tasks()
    reading.lacks = capture.lacks(tasks)
    var isAtEnd = false
    while !isAtEnd {
      let (complete, wasBusy) = capture.reader.drain(now: .max)
      _ = capture.reader.release(before: complete) { run in
        for event in run {
          if event.kind == .gapStart || event.kind == .gapEnd {
            reading.gaps.append(event)
          } else {
            reading.events.append(event)
          }
        }
        return (run.count, false)
      }
      isAtEnd = !wasBusy
    }
    return reading
  }

  private func events(_ reading: Reading, _ cpu: UInt16) -> [Event] { reading.events.filter { $0.cpu == cpu } }

  /// Cuts the file shorter and shorter.
  private func cut(_ fixture: TraceDatFixture, at sizes: [Int]) throws {
    let whole = try read(fixture.path)
    let last = try #require(try fixture.lines().map(\.time).max())
    let directory = try TemporaryDirectory()
    let path = directory["trace.dat"]
    try Data(fixture.bytes()).write(to: URL(filePath: path))
    for size in sizes.sorted().reversed() {
      truncate(path, off_t(size))
      do throws(TraceFileError) {
        check(try read(path), whole, until: last, "\(fixture) cut to \(size) bytes")
      } catch {
        #expect(!error.reason.isEmpty && !error.remedy.isEmpty && error.path.hasPrefix(directory.path))
      }
    }
  }

  /// What was read of each CPU is the beginning of what there was, and where that is not all there is a gap to the end.
  private func check(_ reading: Reading, _ whole: Reading, until last: UInt64, _ comment: Comment) {
    for cpu in [0, 1] as [UInt16] {
      let (read, all) = (reading.events.filter { $0.cpu == cpu }, whole.events.filter { $0.cpu == cpu })
      guard read.count < all.count else { continue }
      #expect(times(read).allSatisfy(Set(times(all)).contains), comment)
      if case .cut = reading.end {
        #expect(reading.lacks.contains { $0.hasPrefix("The recording was cut ") }, comment)
      } else {
        Issue.record("nobody says that it was cut: \(comment)")
      }
    }
    // The last record may be of an event that is not read.
    #expect(reading.gaps.allSatisfy { $0.timestamp <= last }, comment)
  }

  private func times(_ events: [Event]) -> [String] { events.map { "\($0.timestamp) \($0.cpu) \($0.kind) \($0.tid)" } }

  @Test(arguments: TraceDatFixture.all)
  func aCutFileIsReadUpToTheCut(_ fixture: TraceDatFixture) throws {
    let size = try fixture.bytes().count
    let step = Self.isThorough ? 1 : 1 + size / 97
    try cut(fixture, at: Array(stride(from: 0, to: size, by: step)))
  }

  /// Events of a CPU whose data were cut are missing up to the end, those of the other are all there.
  @Test func whatWasCutOfOneCPUIsAGapOfThatCPU() throws {
    let fixture = TraceDatFixture.version6
    let whole = try read(fixture.path)
    let file = try TraceDatFile.open(fixture.path)
    let data = try #require(file.buffers[0].data.last)
    let directory = try TemporaryDirectory()
    let path = directory["trace.dat"]
    // Of the last CPU one page is left.
    try Data(fixture.bytes().prefix(Int(data.offset) + 5000)).write(to: URL(filePath: path))
    let reading = try read(path)
    let (cut, other) = (UInt16(data.cpu), UInt16(1 - data.cpu))
    #expect(reading.end == .cut("within its records"))
    #expect(events(reading, other) == events(whole, other))
    let left = events(reading, cut)
    #expect(
      !left.isEmpty && left.count < events(whole, cut).count && left == Array(events(whole, cut).prefix(left.count)))
    #expect(reading.gaps.map(\.kind) == [.gapStart, .gapEnd] && reading.gaps.allSatisfy { $0.cpu == cut })
    #expect(reading.gaps.first?.timestamp == left.last?.timestamp)
    #expect(reading.gaps.last?.timestamp == reading.events.last?.timestamp)
  }

  /// A chunk that cannot be unpacked ends its stream; the other CPU's events are all there.
  @Test(arguments: [TraceDatFixture.machine, .zlib])
  func aDamagedChunkIsAGap(_ fixture: TraceDatFixture) throws {
    let whole = try read(fixture.path)
    let data = try #require(try TraceDatFile.open(fixture.path).buffers[0].data.last)
    let directory = try TemporaryDirectory()
    let path = directory["trace.dat"]
    var bytes = try fixture.bytes()
    // Behind the number of chunks and the first one's sizes. Farther within, zstd need not notice: trace-cmd writes no checksum.
    for place in 0..<32 { bytes[Int(data.offset) + 12 + place] ^= 0x5A }
    try Data(bytes).write(to: URL(filePath: path))
    let reading = try read(path)
    #expect(events(reading, UInt16(data.cpu)).isEmpty)
    #expect(events(reading, UInt16(1 - data.cpu)) == events(whole, UInt16(1 - data.cpu)))
    #expect(reading.gaps.count == 2 && reading.lacks.contains { $0.contains("damaged") })
  }

  @Test func theTextOfALatencyTracerIsRefused() throws {
    let directory = try TemporaryDirectory()
    let path = directory["trace.dat"]
    // As these files have it in place of "flyrecord".
    var bytes = try TraceDatFixture.version6.bytes()
    let word = Array("flyrecord\0".utf8)
    let place = try #require((0..<bytes.count - 10).first { Array(bytes[$0..<$0 + 10]) == word })
    bytes.replaceSubrange(place..<place + 10, with: Array("latency  \0".utf8))
    try Data(bytes).write(to: URL(filePath: path))
    let error = #expect(throws: TraceFileError.self) { _ = try TraceDatFile.open(path) }
    #expect(error?.code == .unsupported && error?.reason.contains("latency tracer") == true)
  }
}
