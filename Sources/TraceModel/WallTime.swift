/// A point in time as a clock on the wall shows it.
package struct WallTime: Sendable, Equatable {
  /// Seconds since 1970, UTC.
  package var seconds: Int
  /// The microseconds of the second, 0 to 999,999.
  package var microseconds: Int
  /// Seconds that the local time is ahead of UTC.
  package var offset: Int

  package init(seconds: Int, microseconds: Int, offset: Int = 0) {
    self.seconds = seconds
    self.microseconds = microseconds
    self.offset = offset
  }

  /// The time `nanoseconds` before this one; after it, if negative.
  package func earlier(by nanoseconds: Int64) -> WallTime {
    let (quotient, remainder) = (microseconds - Int(nanoseconds / 1000)).quotientAndRemainder(dividingBy: 1_000_000)
    let borrow = remainder < 0 ? 1 : 0
    return WallTime(
      seconds: seconds + quotient - borrow, microseconds: remainder + borrow * 1_000_000, offset: offset)
  }
}

/// What two clocks said at the same moment, so that a time of the one can be shown as a time of the other.
package struct ClockPair: Sendable, Equatable {
  /// The time of the monotonic clock, CLOCK_MONOTONIC, ns.
  package var monotonic: UInt64
  /// The time of the wall clock, CLOCK_REALTIME, in the local time zone.
  package var wall: WallTime

  package init(monotonic: UInt64, wall: WallTime) {
    self.monotonic = monotonic
    self.wall = wall
  }

  /// The wall time at which CLOCK_MONOTONIC says `time`, ns.
  package func wallTime(at time: UInt64) -> WallTime { wall.earlier(by: Int64(bitPattern: monotonic &- time)) }
}
