import Foundation
import Testing
import TraceModel

@testable import Aggregator
@testable import Report
@testable import Session

struct VerdictTests {
  /// One file a made-up window, to be read as a user reads it.
  @Test(arguments: Scenario.allCases)
  func theReportOfAKnownTroubleTellsIt(_ scenario: Scenario) throws {
    try GoldenTests.check(TextRenderer().text(of: scenario.result), "verdicts/\(scenario.rawValue).txt")
  }

  @Test(arguments: Scenario.allCases)
  func aVerdictIsShortAndItsPartsAreTheLife(_ scenario: Scenario) {
    let verdict = Verdict(scenario.result)
    #expect((2...Verdict.mostSentences).contains(verdict.sentences.count))
    #expect(verdict.sentences.allSatisfy { !$0.text.contains("\n") && $0.text.hasSuffix(".") })
    let life = scenario.result.snapshot.threads.reduce(0) { $0 + $1.accounting.lifetime }
    #expect(verdict.division.lifetime == life)
    #expect(verdict.causes.count <= Verdict.mostCauses)
    #expect(verdict.causes.map(\.cause.total) == verdict.causes.map(\.cause.total).sorted(by: >))
  }

  private static let notTheKernel: Set<Scenario> = [
    .inversion, .stoppedReader, .rowLock, .crowd, .idleLoop, .ownCode, .debugged, .ownTool,
  ]

  @Test(arguments: Scenario.allCases)
  func theKernelIsBlamedWhereItIsToBlame(_ scenario: Scenario) {
    let first = Verdict(scenario.result).sentences[0].text
    #expect(first.hasPrefix("Not the kernel") == Self.notTheKernel.contains(scenario), "\(first)")
  }

  @Test func everyKindOfCauseIsInOnePart() {
    for kind in Cause.Kind.allCases {
      for state in AccountingState.allCases {
        var accounting = Accounting()
        accounting[state] = 7
        let division = TimeDivision(accounting, [Cause(state, kind, count: 1, total: 7, longest: 7)])
        #expect(division[TimeDivision.part(state, kind)] == 7 && division.lifetime == 7)
      }
    }
  }

  @Test func whatCausesDoNotTellIsUnknownAndWhatTheyTellTooMuchIsNotCounted() {
    var accounting = Accounting()
    accounting[.blockedInterruptible] = 100
    let little = TimeDivision(accounting, [Cause(.blockedInterruptible, .disk, count: 1, total: 30, longest: 30)])
    #expect(little[.kernel] == 30 && little[.unknown] == 70)
    let much = TimeDivision(accounting, [Cause(.blockedInterruptible, .disk, count: 1, total: 300, longest: 300)])
    #expect(much[.kernel] == 100 && much.lifetime == 100)
  }

  @Test func aVerdictWithoutThreadsOrCausesIsOneToo() {
    var window = Scenario.hog.result
    window.causes = []
    #expect(Verdict(window).sentences[0].text.contains("lost 51 % of 1,000 ms to the kernel"))
    window.snapshot.threads = []
    #expect(Verdict(window).sentences.map(\.text) == ["Not the kernel: no thread of the target lived in the window."])
  }

  @Test func theJSONReportOfAKnownTroubleHasAllOfIt() throws {
    for scenario in [Scenario.slowWriter, .inversion, .stoppedReader, .droppedCaches] {
      try GoldenTests.check(JSONRenderer().text(of: scenario.result), "verdicts/\(scenario.rawValue).json")
    }
  }

  @Test(arguments: Scenario.allCases)
  func inJSONTheCausesOfAStateAreTheStateAndThePartsOfTheVerdictAreTheLife(_ scenario: Scenario) throws {
    let text = Data(JSONRenderer().text(of: scenario.result).utf8)
    let window = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
    let verdict = try #require(window["verdict"] as? [String: Any])
    let parts = ["kernel_ns", "waiting_ns", "stopped_ns", "idle_ns", "user_ns", "unknown_ns"]
    #expect(parts.reduce(0) { $0 + (verdict[$1] as? Int ?? -1) } == verdict["lifetime_ns"] as? Int)
    for thread in try #require(window["threads"] as? [[String: Any]]) {
      let accounting = try #require(thread["accounting"] as? [String: Int])
      var sums: [String: Int] = [:]
      for cause in try #require(thread["causes"] as? [[String: Any]]) {
        sums[try #require(cause["state"] as? String) + "_ns", default: 0] += try #require(cause["total_ns"] as? Int)
      }
      for (state, time) in accounting where !["user_ns", "unknown_ns", "lifetime_ns"].contains(state) {
        #expect(sums[state] ?? 0 == time, "\(state)")
      }
    }
  }

  @Test func aTaskWhoseNameIsHostileKeepsItInJSON() {
    var window = MadeUpWindow()
    window.thread("a\u{1B}b", 4, [.made(.ready, .task, 500, by: .made("c\n", 5))])
    let text = JSONRenderer().text(of: window.result)
    #expect(text.components(separatedBy: #""comm":"a\u001bb""#).count == 5 && text.contains(#""comm":"c\n""#))
  }

  @Test func aThreadThatIsFedByOneOfItsOwnProcessIsNotBlamedOnIt() {
    var window = MadeUpWindow()
    window.thread(
      "main", 4, pid: 4, user: 10,
      [.made(.blockedInterruptible, .pipe, 990, by: .made("worker", 5, pid: 4), in: "read")])
    window.thread("worker", 5, pid: 4, user: 600, [.made(.blockedUninterruptible, .disk, 400, in: "fsync")])
    #expect(Verdict(window.result).sentences[0].text == "worker (5) lost 40 % of 1,000 ms to the kernel.")
    // Another process is one that may hold it up.
    var other = MadeUpWindow()
    other.thread(
      "main", 4, user: 10, [.made(.blockedInterruptible, .pipe, 990, by: .made("cat", 9, pid: 9), in: "read")])
    #expect(Verdict(other.result).sentences[0].text.contains("waited 99 % of 1,000 ms for other tasks"))
  }

  @Test func equalThreadsThatHoldEachOtherUpAreOneSentenceAndUnequalOnesAreNot() {
    var window = MadeUpWindow()
    for tid in Int32(1)...4 {
      window.thread(
        "worker-\(tid)", tid, user: 200,
        [
          .made(
            .blockedInterruptible, .futex, 800, count: 9, by: .made("worker-\(tid % 4 + 1)", tid % 4 + 1), in: "futex")
        ])
    }
    window.thread("worker-5", 5, user: 300, [.made(.blockedUninterruptible, .disk, 700, in: "fsync")])
    let sentences = Verdict(window.result).sentences.map(\.plain)
    #expect(
      sentences[0].hasPrefix("Not the kernel: 4 of 5 threads worker-* waited 80 % of their 4,000 ms for other tasks"))
    #expect(sentences.contains { $0.hasPrefix("70 %, 700 ms: worker-5 (5), mostly: fsync blocked on the disk") })
  }

  @Test func whatToLookAtNextIsSaidOnce() {
    let text = Verdict(Scenario.slowWriter.result).sentences.map(\.plain).joined(separator: "\n")
    #expect(text.components(separatedBy: "-s 1000000").count == 2)
  }

  @Test func namesInAVerdictCannotDriveTheTerminal() {
    var window = MadeUpWindow()
    let evil = Cause.Task.made("h\u{1B}[2J\n", 5)
    window.thread(
      "a\u{1B}[2Jb\n", 4,
      [
        .made(.ready, .task, 500, by: evil), .made(.blockedUninterruptible, .pageFault, 500, at: "/tmp/\u{1B}[2J\n"),
      ])
    let text = TextRenderer().text(of: window.result)
    #expect(!text.contains("\u{1B}") && text.contains("h?[2J?") && text.contains("/tmp/?[2J?"))
  }

  @Test(
    arguments: [
      (0, "0 ns"), (999, "999 ns"), (4_849, "4.8 us"), (99_499, "99 us"), (999_499, "999 us"), (999_500, "1.0 ms"),
      (9_999_999, "10 ms"), (1_187_400_000, "1,187 ms"), (99_999_999_999, "100,000 ms"), (3_600_000_000_000, "3,600 s"),
    ] as [(UInt64, String)])
  func timesAreSaidAsAPersonSaysThem(_ time: UInt64, _ text: String) { #expect(Amount.time(time) == text) }

  @Test(
    arguments: [
      (0, 10, "0 %"), (1, 100_000, "<0.1 %"), (48, 1000, "4.8 %"), (995, 10_000, "10 %"), (333, 1000, "33 %"),
      (9_999, 10_000, ">99 %"), (10, 10, "100 %"), (1 << 63, UInt64.max, "50 %"), (0, 0, "0 %"),
    ] as [(UInt64, UInt64, String)])
  func sharesAreSaidAsAPersonSaysThem(_ part: UInt64, _ whole: UInt64, _ text: String) {
    #expect(Amount.share(part, of: whole) == text)
  }
}
