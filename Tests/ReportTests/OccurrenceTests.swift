import Aggregator
import Testing
import TraceModel

@testable import Report
@testable import Session

/// What a report says of that for which its window was made.
struct OccurrenceTests {
  private func lines(_ change: (inout WindowResult) -> Void) -> [String] {
    var sample = GoldenTests.sample
    change(&sample)
    return TextRenderer().text(of: sample).split(separator: "\n").map(String.init).filter {
      $0.hasPrefix("# Found") || $0.hasPrefix("# The first")
    }
  }

  private func occurrence(_ window: WindowResult, tid: Int32 = 7, hasEnded: Bool = true) -> Occurrence {
    let start = window.snapshot.start
    return Occurrence(
      condition: "ready>1ms", pid: 7, tid: tid, name: 1, start: start + 10, end: start + 1_234_577, hasEnded: hasEnded)
  }

  @Test func eachIntervalIsALine() {
    let start = GoldenTests.sample.snapshot.start
    let name = GoldenTests.sample.names[1]
    let shown = lines { window in
      window.occurrences = [occurrence(window), occurrence(window, tid: 0), occurrence(window, hasEnded: false)]
      window.occurrences[1].start = start - 433
    }
    #expect(
      shown == [
        "# Found ready>1ms of \(name) (7): 1,234,567 ns from @\(start + 10)",
        "# Found ready>1ms: 1,235,010 ns from @\(start - 433); an earlier window has the beginning",
        "# Found ready>1ms of \(name) (7): 1,234,567 ns so far from @\(start + 10)",
      ])
    #expect(lines { _ in }.isEmpty)
  }

  @Test func manyAreCounted() {
    let shown = lines { window in
      window.occurrences = (0..<20).map { _ in occurrence(window) }
      window.occurrencesLeftOut = 1000
    }
    #expect(shown.count == 9 && shown[8].hasPrefix("# Found 1,012 more"))
  }

  @Test func whatHadBeenOverwrittenIsSaid() {
    let shown = lines { $0.overwritten = 400_000_000 }
    #expect(
      shown.count == 1 && shown[0].hasPrefix("# The first 400,000,000 ns of what was asked for had been overwritten"))
  }
}
