internal import Glibc
internal import TraceModel
internal import TraceSource

extension ClockPair {
  /// What this machine's clocks say now.
  static var now: ClockPair {
    let monotonic = MonotonicClock.now
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    var local = tm()
    localtime_r(&time.tv_sec, &local)
    return ClockPair(
      monotonic: monotonic,
      wall: WallTime(seconds: time.tv_sec, microseconds: time.tv_nsec / 1000, offset: local.tm_gmtoff))
  }
}
