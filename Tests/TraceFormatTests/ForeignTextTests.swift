import Foundation
import Testing
import TraceFormat
import TraceModel
import TraceTestSupport

/// trace-cmd's text of what other architectures' kernels recorded is the oracle for every event that is decoded from their pages.
struct ForeignTextTests {
  @Test func theMachinesDifferInAllThatMatters() throws {
    let layouts = try Dictionary(
      uniqueKeysWithValues: ForeignFixture.machines.map { ($0, try ForeignFixture.layout($0)) })
    #expect(layouts["s390x"]?.byteOrder == .big)
    #expect(layouts["armhf"]?.longSize == 4 && layouts["i386"]?.longSize == 4)
    #expect(layouts["arm64-16k"]?.pageSize == 16384 && layouts["ppc64el"]?.pageSize == 65536)
    #expect(layouts["arm64"]?.isNative == true)
  }

  @Test(arguments: ForeignFixture.all)
  func decodedEventsSayWhatTraceCmdPrints(_ fixture: ForeignFixture) throws {
    let printed = try Self.lines(fixture)
    for cpu in fixture.cpus {
      let (events, names, pages) = try fixture.decode(cpu: cpu)
      #expect(pages.allSatisfy { $0.status == .complete }, "cpu \(cpu)")
      let decoded = events.filter { $0.kind != .gapEnd }.map { Self.describe($0, names) }
      #expect(decoded.count > 100 && decoded.count == printed[cpu]?.count, "cpu \(cpu)")
      for (ours, theirs) in zip(decoded, printed[cpu] ?? []) where ours != theirs {
        Issue.record("cpu \(cpu): decoded '\(ours)', trace-cmd printed '\(theirs)'")
        break
      }
    }
  }

  /// The lines of each CPU, in the words of a decoded event: "COMM-PID [CPU] SECONDS.NANOSECONDS: EVENT: TEXT", and where events are
  /// missing "CPU:1 [6540 EVENTS DROPPED]".
  private static func lines(_ fixture: ForeignFixture) throws -> [Int: [String]] {
    var lines: [Int: [String]] = [:]
    for line in try String(contentsOf: fixture.url("trace.txt"), encoding: .utf8).split(separator: "\n") {
      if let gap = line.wholeMatch(of: #/CPU:(\d+) \[(\d+ )?EVENTS DROPPED\]/#), let cpu = Int(gap.1) {
        lines[cpu, default: []].append("gap \(gap.2?.dropLast() ?? "-1")")
      } else if let event = line.wholeMatch(of: #/.*-(\d+) +\[(\d+)\] (\d+\.\d{9}): (\w+): (.*)/#),
        let cpu = Int(event.2)
      {
        var text = String(event.5)
        if event.4 == "sys_exit" {
          // trace-cmd prints a negative `long` of 4 bytes, and a number of -1 on any machine, as if they were positive.
          let longSize = try ForeignFixture.layout(fixture.machine).longSize
          text.replace(longSize == 4 ? #/\d+/# : #/4294967295/#) { number in
            Int64(number.output).map { String($0 >= 1 << 31 ? $0 - (1 << 32) : $0) } ?? "?"
          }
        }
        let words = EventWords.of(String(event.4), text)
        lines[cpu, default: []].append("\(event.3) \(event.1) \(event.4) \(words)")
      } else {
        Issue.record("no line of trace-cmd's: \(line)")
      }
    }
    return lines
  }

  private static func describe(_ event: Event, _ names: NameTable) -> String {
    if event.kind == .gapStart { return "gap \(event.value)" }
    let fraction = String(event.timestamp % 1_000_000_000)
    let time = "\(event.timestamp / 1_000_000_000).\(String(repeating: "0", count: 9 - fraction.count))\(fraction)"
    return "\(time) \(event.tid) \(EventWords.of(event, names))"
  }
}
