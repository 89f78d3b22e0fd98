internal import TraceModel

/// Latency histograms of many (thread, syscall) pairs, log-linear as HdrHistogram's: each power of two is split into 32
/// equal steps, so that a quantile is at most 1/32 (3.1 %) above the true value.
///
/// An HdrHistogram of the same precision and range is one allocation of 10 KiB; a thousand threads with ten syscalls each
/// would take 100 MB, nearly all of it zeros. Here a pair starts with no counters and gets 32 of them (256 bytes) for
/// each power of two that its latencies really reach, usually 6 to 10 of them, out of one arena.
struct HistogramArena: ~Copyable {
  /// A pair's blocks in the arena by power of two; 0 = none. Values below 32 have a block to themselves.
  struct Histogram: BitwiseCopyable {
    fileprivate var blocks = InlineArray<38, UInt32>(repeating: 0)
  }

  private static let steps = 32
  private static let stepBits = 5
  /// Longest latency with a counter of its own, 2^42 ns (73 min); longer ones share the last.
  private static let largest: UInt64 = 1 << 42 - 1

  private var counters = FlatArray<UInt64>(capacity: 64 * steps)

  init() { removeAll() }

  /// Forgets all histograms; those handed out become invalid.
  mutating func removeAll() {
    counters.removeAll()
    appendBlock()  // block 0 stands for "none"
  }

  @discardableResult
  private mutating func appendBlock() -> UInt32 {
    let block = counters.count / Self.steps
    counters.reserve(counters.count + Self.steps)
    for _ in 0..<Self.steps { counters.append(0) }
    return UInt32(truncatingIfNeeded: block)
  }

  @inline(__always)
  mutating func record(_ latency: UInt64, in histogram: inout Histogram) {
    let value = latency < Self.largest ? latency : Self.largest
    // octave 0 holds 0..<32 one by one; octave n holds [2^(n+4), 2^(n+5)) in 32 steps of 2^(n-1).
    let octave = value < 32 ? 0 : 59 &- value.leadingZeroBitCount
    let step = octave == 0 ? Int(value) : Int(truncatingIfNeeded: value &>> (octave &- 1)) & (Self.steps - 1)
    if histogram.blocks[octave] == 0 { histogram.blocks[octave] = appendBlock() }
    counters[Int(histogram.blocks[octave]) &* Self.steps &+ step] &+= 1
  }

  /// The smallest latency that at least `quantile` (0…1) of `count` recorded ones do not exceed: the upper end of its
  /// step, and never more than `max`, the longest recorded, ns.
  func quantile(_ quantile: Double, of histogram: Histogram, count: UInt64, max longest: UInt64) -> UInt64 {
    let rank = Swift.max(1, UInt64((quantile * Double(count)).rounded(.up)))
    var seen: UInt64 = 0
    for octave in 0..<histogram.blocks.count where histogram.blocks[octave] != 0 {
      for step in 0..<Self.steps {
        seen += counters[Int(histogram.blocks[octave]) * Self.steps + step]
        if seen >= rank { return min(Self.upperEnd(octave: octave, step: step), longest) }
      }
    }
    return longest
  }

  private static func upperEnd(octave: Int, step: Int) -> UInt64 {
    if octave == 0 { return UInt64(step) }
    return (UInt64(steps + step + 1) << UInt64(octave - 1)) - 1
  }
}
