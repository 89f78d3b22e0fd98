internal import Glibc

extension WallTime {
  /// `LOCAL_ISO8601 (HH:MM:SS UTC)`.
  var text: String {
    var time = time_t(seconds)
    var local = tm()
    var utc = tm()
    localtime_r(&time, &local)
    gmtime_r(&time, &utc)
    return "\(Self.date(local))T\(Self.clock(local)).\(Self.padded(microseconds, 6)) (\(Self.clock(utc)) UTC)"
  }

  /// Now.
  package static var now: WallTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(seconds: time.tv_sec, microseconds: time.tv_nsec / 1000)
  }

  /// The wall time at which CLOCK_MONOTONIC, which says `now` now, said `then`; both ns.
  package static func of(monotonic then: UInt64, now: UInt64) -> WallTime {
    let wall = WallTime.now
    let microseconds =
      wall.seconds * 1_000_000 + wall.microseconds - (Int(now) - Int(then)) / 1000
    return WallTime(seconds: microseconds / 1_000_000, microseconds: microseconds % 1_000_000)
  }

  private static func date(_ time: tm) -> String {
    "\(padded(Int(time.tm_year) + 1900, 4))-\(padded(Int(time.tm_mon) + 1, 2))-\(padded(Int(time.tm_mday), 2))"
  }

  private static func clock(_ time: tm) -> String {
    "\(padded(Int(time.tm_hour), 2)):\(padded(Int(time.tm_min), 2)):\(padded(Int(time.tm_sec), 2))"
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
