/// Keeps looks at /proc to one percent of the time: the target may have to wait for them, and the buffers of events do.
struct LookBudget {
  /// When the next look may begin, ns.
  private var next: UInt64 = 0

  /// Whether a look may begin at `now`, ns.
  func allows(at now: UInt64) -> Bool { now >= next }

  /// Takes note of a look that has lasted from `start` to `end`, ns.
  mutating func spent(from start: UInt64, to end: UInt64) { next = end + (end - min(start, end)) * 100 }
}
