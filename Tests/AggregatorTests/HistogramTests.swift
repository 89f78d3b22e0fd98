import Testing

@testable import Aggregator

struct HistogramTests {
  /// Against sorting: never below the true quantile, and at most 1/32 above it.
  @Test(arguments: [1, 31, 32, 33, 1000, 123_456_789, 1 << 41])
  func quantilesAreWithinOneStep(_ scale: Int) {
    var arena = HistogramArena()
    var histogram = HistogramArena.Histogram()
    var values = (1...1000).map { UInt64($0 * $0 % 997 + 1) * UInt64(scale) / 997 }
    for value in values { arena.record(value, in: &histogram) }
    values.sort()
    for (quantile, rank) in [(0.5, 500), (0.9, 900), (0.99, 990), (1.0, 1000)] {
      let truth = values[rank - 1]
      let found = arena.quantile(quantile, of: histogram, count: 1000, max: values.last!)
      #expect(found >= truth)
      #expect(Double(found) <= Double(truth) * (1 + 1.0 / 32) + 1)
    }
  }

  @Test func latenciesBeyondTheRangeCountAsTheLongest() {
    var arena = HistogramArena()
    var histogram = HistogramArena.Histogram()
    arena.record(.max, in: &histogram)
    #expect(arena.quantile(0.5, of: histogram, count: 1, max: .max) >= 1 << 42 - 1)
  }

  @Test func histogramsDoNotMix() {
    var arena = HistogramArena()
    var first = HistogramArena.Histogram()
    var second = HistogramArena.Histogram()
    for _ in 0..<10 {
      arena.record(100, in: &first)
      arena.record(110, in: &second)
    }
    #expect(arena.quantile(0.5, of: first, count: 10, max: 100) == 100)
    #expect(arena.quantile(0.5, of: second, count: 10, max: 110) == 110)
  }
}
