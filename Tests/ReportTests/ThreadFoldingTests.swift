import Foundation
import Testing
import TraceModel

@testable import Aggregator
@testable import Report
@testable import Session

/// Reports of programs with more threads than anybody reads.
struct ThreadFoldingTests {
  private static func statistic(_ lengths: [UInt64]) -> IntervalStatistic {
    var statistic = IntervalStatistic()
    for length in lengths { statistic.record(from: 0, to: length) }
    return statistic
  }

  /// Thread `tid` with a poll and a futex, which waited `ready` ns for a CPU.
  private static func thread(_ tid: Int32, _ name: NameID, ready: UInt64) -> ThreadSnapshot {
    var thread = ThreadSnapshot(tid: tid, name: name)
    thread.syscalls = [
      SyscallSnapshot(
        number: 202, abi: .x86_64, durations: statistic([10, UInt64(tid)]), errors: 1, p50: 10, p90: 20, p99: 30),
      SyscallSnapshot(
        number: 7, abi: .x86_64, durations: statistic([5]), errors: 0, p50: 5, p90: 5, p99: 5),
    ]
    thread.longPoll = statistic([UInt64(tid)])
    thread.run = statistic([100, 200 + UInt64(tid)])
    thread.ready = statistic([ready])
    thread.softIRQs = [IRQSnapshot(number: 1, name: 0, durations: statistic([7]))]
    thread.hardIRQs = [IRQSnapshot(number: 27, name: name, durations: statistic([9]))]
    thread.accounting[.ready] = ready
    thread.accounting[.blockedInterruptible] = 1_000_000 - ready
    return thread
  }

  /// `names` and how many threads of each there are; the later a thread, the longer it was ready.
  private static func threads(_ counts: [(name: String, count: Int)]) -> ([ThreadSnapshot], NameTable) {
    var names = NameTable()
    var threads: [ThreadSnapshot] = []
    for (name, count) in counts {
      let name = names.intern(name)
      for _ in 0..<count {
        threads.append(thread(Int32(1000 + threads.count), name, ready: UInt64(threads.count)))
      }
    }
    return (threads, names)
  }

  @Test func upToSixtyFourThreadsAreLeftAlone() {
    let (threads, names) = Self.threads([("worker", 64)])
    let rows = ThreadFolding.rows(threads, names)
    #expect(rows.map(\.thread) == threads && rows.allSatisfy { $0.fold == nil })
  }

  @Test func threadsOfOneNameBecomeOneRowAndTheRestIsOrderedByWhatItLost() throws {
    let (threads, names) = Self.threads([("main", 1), ("few", 8), ("worker", 100)])
    let rows = ThreadFolding.rows(threads, names)
    #expect(rows.map(\.name) == ["worker"] + Array(repeating: "few", count: 8) + ["main"])
    #expect(rows[1].thread.tid == 1008 && rows[8].thread.tid == 1001)
    let fold = try #require(rows[0].fold)
    #expect(fold.count == 100 && fold.worst.tid == 1108 && rows[0].label == "100 x")
  }

  @Test func aFoldHasSumsAndExtremes() throws {
    let (threads, names) = Self.threads([("worker", 100)])
    let row = try #require(ThreadFolding.rows(threads, names).first?.thread)
    #expect(row.accounting.lifetime == 100_000_000 && row.accounting[.ready] == 4950)
    #expect((row.longPoll.count, row.longPoll.total, row.longPoll.min, row.longPoll.max) == (100, 104_950, 1000, 1099))
    #expect((row.run.count, row.run.min, row.run.max) == (200, 100, 1299))
    let futex = try #require(row.syscalls.first { $0.number == 202 })
    #expect(
      (futex.durations.count, futex.durations.total, futex.durations.max, futex.errors) == (200, 105_950, 1099, 100))
    #expect(row.syscalls.count == 2 && row.softIRQs.count == 1 && row.hardIRQs.count == 1)
    #expect((row.softIRQs[0].durations.count, row.hardIRQs[0].durations.total) == (100, 900))
    // Nothing is lost on the way.
    #expect(row.stopped == IntervalStatistic())
  }

  @Test func numberedNamesAreFoldedWhereTheNamesAloneDoNotSuffice() {
    let (threads, names) = Self.threads([("main", 1)] + (0..<200).map { ("pool-\($0)-thread", 1) })
    let rows = ThreadFolding.rows(threads, names)
    #expect(rows.map(\.name) == ["pool-*-thread", "main"] && rows.first?.fold?.count == 200)
    #expect(rows.first?.fold?.worstName == "pool-199-thread")
    // Both steps together: several threads of each number.
    let (more, moreNames) = Self.threads((0..<100).map { ("io\($0)", 9) })
    let folded = ThreadFolding.rows(more, moreNames)
    #expect(folded.map(\.name) == ["io*"] && folded[0].fold?.count == 900 && folded[0].fold?.worst.tid == 1899)
  }

  @Test func namesThatHaveNothingInCommonAreCutOffBehindTheWorst() {
    let letters = Array("abcdefghijklmnopqrstuvwxyz")
    let (threads, names) = Self.threads((0..<300).map { ("\(letters[$0 / 26])\(letters[$0 % 26])", 1) })
    let rows = ThreadFolding.rows(threads, names)
    #expect(rows.count == 64 && rows[0].thread.tid == 1299 && rows[62].thread.tid == 1237)
    #expect(rows[63].name == "(all others)" && rows[63].fold?.count == 237 && rows[63].fold?.worst.tid == 1236)
    let all = rows.reduce(Accounting()) { $0 + $1.thread.accounting }
    #expect(all == threads.reduce(Accounting()) { $0 + $1.accounting })
  }

  @Test func digitsBecomeAStar() {
    #expect(ThreadFolding.withoutNumbers("kworker/12:3-x") == "kworker/*:*-x")
    #expect(ThreadFolding.withoutNumbers("") == "" && ThreadFolding.withoutNumbers("no") == "no")
  }

  private static func sample() -> WindowResult {
    let (threads, names) = threads([("main", 1), ("few", 2), ("worker", 1000)])
    return WindowResult(
      target: 1000, targetName: "main", index: 1,
      snapshot: Snapshot(
        start: 1_000_000_000, stop: 1_001_000_000, threads: threads, discardedIntervals: 0, eventsRead: 1,
        lostEvents: [:],
        childrenNotWatched: 1),
      loss: Loss(), names: names,
      clock: ClockPair(
        monotonic: 1_001_958_000, wall: WallTime(seconds: 1_700_000_000, microseconds: 2000, offset: 7200)))
  }

  @Test func theTextOfAThousandThreadsIsRead() throws {
    try GoldenTests.check(TextRenderer().text(of: Self.sample()), "folded.txt")
    let all = TextRenderer(foldsThreads: false).text(of: Self.sample())
    #expect(all.contains("\n      1502 worker") && !all.contains("FOLDED"))
    let json = try JSONSerialization.jsonObject(with: Data(JSONRenderer().text(of: Self.sample()).utf8))
    #expect(((json as? [String: Any])?["threads"] as? [Any])?.count == 1003)
  }
}
