/// Count, sum and extremes of intervals, ns.
package struct IntervalStatistic: Sendable, Equatable, BitwiseCopyable {
  package private(set) var count: UInt64 = 0
  package private(set) var total: UInt64 = 0
  /// The shortest interval, ns; 0 where there is none.
  package private(set) var min: UInt64 = 0
  package private(set) var max: UInt64 = 0

  package init() {}

  /// One interval of `length`, ns.
  package init(_ length: UInt64) { record(length) }

  /// Adds the interval from `start` to `end`; one that ends before it starts (clocks of two CPUs) counts as 0 ns.
  @inline(__always)
  mutating func record(from start: UInt64, to end: UInt64) {
    record(end > start ? end &- start : 0)
  }

  /// Adds an interval of `length`, ns.
  @inline(__always)
  mutating func record(_ length: UInt64) {
    if count == 0 || length < min { min = length }
    if length > max { max = length }
    count &+= 1
    total &+= length
  }

  /// Adds all intervals of another one.
  package mutating func add(_ other: IntervalStatistic) {
    guard other.count > 0 else { return }
    min = count == 0 ? other.min : Swift.min(min, other.min)
    max = Swift.max(max, other.max)
    count += other.count
    total += other.total
  }
}
