internal import TraceModel
internal import TraceSource

/// Keeps looks at /proc to one percent of the time: the target may have to wait for them, and the buffers of events do.
struct LookBudget {
  /// When the next look may begin, ns.
  private var next: UInt64 = 0

  /// When a look that begins now has begun, ns; nil while it is too early for one.
  var start: UInt64? {
    let now = MonotonicClock.now
    return now >= next ? now : nil
  }

  /// A look that began at `start`, ns, has ended.
  mutating func end(since start: UInt64) {
    let end = MonotonicClock.now
    next = end + (end - start) * 100
  }
}
