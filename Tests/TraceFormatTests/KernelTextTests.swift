import Foundation
import Testing
import TraceFormat
import TraceModel
import TraceTestSupport

/// The kernel's own text of the same ring buffer is the oracle for every decoded event.
struct KernelTextTests {
  @Test func fixturesOfSeveralKernelsAreThere() {
    #expect(Fixture.kernels.count >= 3)
    #expect(Fixture.withText.count >= 12)
  }

  @Test(arguments: Fixture.withText)
  func decodedEventsSayWhatTheKernelPrints(_ fixture: Fixture) throws {
    let lines = try Self.lines(fixture)
    #expect(!lines.isEmpty)
    for cpu in fixture.cpus {
      let (events, names) = try fixture.eventsAsPrinted(cpu: cpu)
      let decoded = events.map { Self.describe($0, names) }
      let printed = lines.filter { $0.cpu == cpu }.map(\.description)
      #expect(decoded.count == printed.count, "cpu \(cpu)")
      for (ours, theirs) in zip(decoded, printed) where ours != theirs {
        Issue.record("cpu \(cpu): decoded '\(ours)', the kernel printed '\(theirs)'")
        break
      }
    }
  }

  /// `trace-ns.txt` has the exact times: "pid cpu ns type: id".
  @Test(arguments: Fixture.withText)
  func timesAreExactToTheNanosecond(_ fixture: Fixture) throws {
    let text = try String(contentsOf: fixture.url("trace-ns.txt"), encoding: .utf8)
    var printed: [Int: [UInt64]] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 5, words[3] == "type:", let cpu = Int(words[1]), let time = UInt64(words[2]) else {
        continue
      }
      printed[cpu, default: []].append(time)
    }
    for cpu in fixture.cpus {
      let decoded = try fixture.eventsAsPrinted(cpu: cpu).events.map(\.timestamp)
      let isEqual = decoded == printed[cpu] ?? []
      #expect(isEqual, "cpu \(cpu)")
    }
  }

  @Test(arguments: Fixture.all)
  func eventsReadAndLostAreAllThatTheKernelCounted(_ fixture: Fixture) throws {
    for cpu in fixture.cpus {
      let (_, _, pages) = try fixture.decode(cpu: cpu)
      #expect(pages.allSatisfy { $0.status == .complete && $0.undecodable == 0 }, "cpu \(cpu)")
      // The numbers are from before the last read: what was read by then, and what was still there.
      let recorded = try fixture.statistic("entries", cpu: cpu)! + fixture.statistic("read events", cpu: cpu)!
      #expect(pages.reduce(0) { $0 + $1.events } == recorded, "cpu \(cpu)")
      let missed = pages.compactMap(\.missed)
      if !missed.contains(-1) {
        #expect(try fixture.statistic("overrun", cpu: cpu) == Int(missed.reduce(0, +)), "cpu \(cpu)")
      }
    }
  }

  // MARK: Both sides in the same words

  struct Line {
    let cpu: Int
    let description: String
  }

  private static func lines(_ fixture: Fixture) throws -> [Line] {
    try String(contentsOf: fixture.url("trace.txt"), encoding: .utf8).split(separator: "\n")
      .compactMap { line in
        guard !line.hasPrefix("#"), let open = line.firstIndex(of: "["), let close = line[open...].firstIndex(of: "]"),
          let cpu = Int(line[line.index(after: open)..<close])
        else { return nil }
        // "TASK-PID [CPU] FLAGS TIME: EVENT: TEXT"
        let rest = line[line.index(after: close)...].split(separator: ":", maxSplits: 2)
        guard rest.count == 3 else { return nil }
        let time = rest[0].split(separator: " ").last.map(String.init) ?? ""
        let name = rest[1].trimmingCharacters(in: .whitespaces)
        let task = line[..<open].trimmingCharacters(in: .whitespaces)
        let pid = task.split(separator: "-").last.map(String.init) ?? ""
        return Line(cpu: cpu, description: "\(time) \(pid) \(name) \(EventWords.of(name, String(rest[2])))")
      }
  }

  private static func describe(_ event: Event, _ names: NameTable) -> String {
    // The kernel rounds to the nearest microsecond.
    let microseconds = (event.timestamp + 500) / 1000
    let fraction = String(microseconds % 1_000_000)
    let time = "\(microseconds / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)"
    return "\(time) \(event.tid) \(EventWords.of(event, names))"
  }
}
