internal import Glibc

/// CLOCK_MONOTONIC, the clock of events, windows and samples.
package enum MonotonicClock {
  /// The time since boot, ns, without suspended time.
  package static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
