import Foundation
import Testing
import TraceModel

@testable import Aggregator
@testable import Report
@testable import Session

/// The sections of causes, of what is in progress, of page faults, of the critical path, and of the machine.
struct CauseSectionTests {
  private static func section(_ title: String, _ window: WindowResult) -> [String] {
    let lines = TextRenderer().text(of: window).split(separator: "\n", omittingEmptySubsequences: false).map(
      String.init)
    guard let start = lines.firstIndex(where: { $0.hasPrefix("# \(title)") }) else { return [] }
    return Array(lines[start...].prefix { !$0.isEmpty })
  }

  /// The number in the column that ends where the heading's word does.
  private static func column(_ word: String, _ lines: [String]) -> [UInt64] {
    guard lines.count > 2, let end = lines[1].range(of: word)?.upperBound else { return [] }
    let width = lines[1].distance(from: lines[1].startIndex, to: end)
    return lines.dropFirst(2).filter { !$0.hasPrefix("#") }.compactMap { line in
      line.prefix(width).split(separator: " ").last.flatMap { UInt64($0.filter(\.isNumber)) }
    }
  }

  /// 100 workers; each has a cause of its own and one that all have, and is in a call.
  private static var pool: WindowResult {
    var window = MadeUpWindow()
    for tid in Int32(1)...100 {
      let number: Int32 = tid % 10 == 0 ? 0 : 202
      window.thread(
        "worker", tid, user: 100,
        [
          .made(.ready, .task, 300, by: .made("hog", 1000 + tid)),
          .made(.blockedInterruptible, .futex, 600, in: "futex"),
        ],
        inProgress: InProgress(
          number: number, abi: .x86_64, entry: MadeUpWindow.start + UInt64(tid), state: .blockedInterruptible))
    }
    return window.result
  }

  @Test func linesOfCausesAddUpHoweverManyCausesThereAre() {
    let lines = Self.section("CAUSES", Self.pool)
    // Heading, columns, eight causes, and the others of READY.
    #expect(lines.count == 2 + CauseSection.most + 1 && lines.last?.hasSuffix("  (93 others)") == true)
    #expect(Self.column("TOTAL ns", lines).reduce(0, +) == 100 * 900_000_000)
    #expect(Self.column("COUNT", lines).reduce(0, +) == 200)
  }

  @Test func aReportWithoutCausesHasNoSectionOfThem() {
    var window = Self.pool
    window.causes = []
    #expect(Self.section("CAUSES", window).isEmpty && Self.section("IN PROGRESS", window).isEmpty)
  }

  @Test func callsOfFoldedThreadsAreCountedByName() {
    let lines = Self.section("IN PROGRESS", Self.pool)
    #expect(lines.count == 4)
    #expect(lines[2].hasPrefix("      90 x worker") && lines[2].hasSuffix("SLEEP(S)  futex"))
    #expect(lines[3].hasPrefix("      10 x worker") && lines[3].hasSuffix("SLEEP(S)  read"))
    // The longest one of each.
    #expect(Self.column("SO FAR ns", lines) == [999_999_999, 999_999_990])
  }

  @Test func aThreadThatOnlyWaitsInACallIsShownInIt() {
    let text = TextRenderer().text(of: Scenario.stoppedReader.result)
    #expect(text.contains("        80 producer         [IN PROGRESS]\n") && !text.contains("NO EVENTS"))
  }

  @Test func aPageFaultCountThatIsNotKnownIsNoNumber() {
    var window = MadeUpWindow()
    var faults = PageFaults()
    (faults.total, faults.longest) = (5_000_000, 2_000_000)
    window.thread("a", 1, user: 995, [.made(.blockedUninterruptible, .pageFault, 5)], faults: faults)
    window.thread("b", 2, user: 1000, [])
    let lines = Self.section("PAGE FAULTS", window.result)
    #expect(lines.count == 3 && lines[2].split(separator: " ") == ["1", "a", "?", "?", "5,000,000", "2,000,000"])
    #expect(
      JSONRenderer().text(of: window.result).contains(#""page_faults":{"count":null,"major":null,"total_ns":5000000"#))
  }

  @Test func thePathsLinesAddUpToThePathHoweverLongItIs() {
    var window = MadeUpWindow()
    window.thread("a", 1, user: 1000, [])
    window.criticalPath = (0..<1000).map { index in
      let start = MadeUpWindow.start + UInt64(index) * 1_000_000
      return PathSegment(
        start: start, end: start + 1_000_000, task: .made("t\(index % 30)", Int32(index % 30)), state: .ready,
        kind: .task)
    }
    let lines = Self.section("CRITICAL PATH", window.result)
    #expect(lines.count == 2 + CriticalPathSection.most + 1 && lines.last?.hasSuffix("  (18 others)") == true)
    #expect(Self.column("TOTAL ns", lines).reduce(0, +) == 1_000_000_000)
    #expect(Self.column("COUNT", lines).reduce(0, +) == 1000)
  }

  @Test func whatBlameLacksIsSaidAndManyCPUsAreNotAllNamed() {
    var window = MadeUpWindow()
    window.thread("a", 1, user: 1000, [])
    window.machine.idleTime = Dictionary(uniqueKeysWithValues: (0..<64).map { ($0, UInt64($0) * 1_000_000) })
    window.machine.pressure = ["io": 40_000_000, "cpu": 0]
    window.machine.missing = ["no\u{1B}thing."]
    let lines = Self.section("MACHINE", window.result)
    #expect(
      lines[0].contains("CPU 63 6.3 %, and 55 more less; tasks stalled for io 40 ms.") && !lines[0].contains("CPU 55 "))
    #expect(lines[1] == "# NOTE: not available to --blame here: no?thing.")
  }
}
