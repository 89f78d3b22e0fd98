import Foundation
import Testing
import TraceFormat
import TraceModel
import TraceTestSupport

@testable import TraceFile

/// A perf.data alone is a recording: its tracepoint samples are events, as `perf script` lists them.
struct PerfAloneTests {
  private static let path = PerfFixture.root.appending(path: "alone.data").path

  private static func events(_ path: String) throws -> (events: [Event], names: [Int32: String], end: TraceDatFile.End)
  {
    var capture = try RecordedCapture.open(path)
    let tasks = try capture.tasks()
    var events: [Event] = []
    var isAtEnd = false
    while !isAtEnd {
      let (complete, wasBusy) = capture.reader.drain(now: .max)
      _ = capture.reader.release(before: complete) { run in
        events += run
        return (run.count, false)
      }
      isAtEnd = !wasBusy
    }
    #expect(capture.reader.loss.late == 0)
    return (events, tasks.names, capture.end)
  }

  /// `TID [CPU] SECONDS.NANOSECONDS: EVENT:`, as perf says.
  private static func expected() throws -> [String] {
    let text = try String(contentsOf: PerfFixture.root.appending(path: "alone.txt"), encoding: .utf8)
    return text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private static let names: [EventKind: String] = [
    .contextSwitch: "sched:sched_switch", .syscallEnter: "raw_syscalls:sys_enter",
    .syscallExit: "raw_syscalls:sys_exit",
  ]

  @Test func theEventsAreThoseThatPerfLists() throws {
    let (events, names, end) = try Self.events(Self.path)
    let found = events.compactMap { event -> String? in
      guard let name = Self.names[event.kind] else { return nil }
      let cpu = String(repeating: "0", count: 3 - "\(event.cpu)".count) + "\(event.cpu)"
      let fraction = "\(1_000_000_000 + event.timestamp % 1_000_000_000)".dropFirst()
      return "\(event.tid) [\(cpu)] \(event.timestamp / 1_000_000_000).\(fraction): \(name):"
    }
    #expect(found.count > 900)
    #expect(found.sorted() == (try Self.expected()).sorted())
    #expect(end == .complete)
    // Threads that its own records tell of.
    #expect(events.contains { $0.kind == .newTask } && events.contains { $0.kind == .exit })
    #expect(events.contains { $0.kind == .rename } && names.values.contains("lifecycle"))
  }

  @Test func aCutFileIsRefusedOrReadAndNothingCrashes() throws {
    let bytes = try Data(contentsOf: URL(filePath: Self.path))
    let whole = try Self.events(Self.path).events.count
    let path = FileManager.default.temporaryDirectory.appending(path: "alone-\(UUID().uuidString).data").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    for length in Array(0..<600) + Array(stride(from: 600, to: bytes.count, by: 997)) {
      try bytes.prefix(length).write(to: URL(filePath: path))
      // Where the cut is behind all that is read, everything is there.
      if let found = try? Self.events(path) { #expect(found.events.count == whole) }
    }
  }
}
