/// Keeps looks at /proc to one percent of the time: the target may have to wait for them, and the buffers of events do.
package struct LookBudget {
  /// The shortest pause between two looks, ns.
  private let interval: UInt64
  /// When the next look may begin, ns.
  private var next: UInt64 = 0

  /// `interval`: the shortest pause between two looks, ns, however short they are.
  package init(interval: UInt64 = 0) { self.interval = interval }

  /// Whether a look may begin at `now`, ns.
  package func allows(at now: UInt64) -> Bool { now >= next }

  /// Takes note of a look that has lasted from `start` to `end`, ns.
  package mutating func spent(from start: UInt64, to end: UInt64) {
    next = end + max(interval, (end - min(start, end)) * 100)
  }
}
