internal import TraceModel

extension WallTime {
  /// `LOCAL_ISO8601 (HH:MM:SS UTC)`, as kernel_delay.py writes it.
  ///
  /// The C library's `localtime` reads the time zone's file, which a renderer must not: the offset comes with the time.
  var text: String {
    let local = Civil(secondsSince1970: seconds + offset)
    let utc = Civil(secondsSince1970: seconds)
    return "\(local.date)T\(local.clock).\(Civil.padded(microseconds, 6)) (\(utc.clock) UTC)"
  }
}

/// Seconds since 1970 as a date of the Gregorian calendar and a time of day.
private struct Civil {
  let date: String
  let clock: String

  init(secondsSince1970 seconds: Int) {
    let day = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
    date = Self.date(ofDay: day)
    let second = seconds - day * 86400
    clock = [second / 3600, second / 60 % 60, second % 60].map { Self.padded($0, 2) }.joined(separator: ":")
  }

  /// Day 0 is 1970-01-01. The calendar repeats every 400 years, which are 146,097 days; a year that begins in March has its
  /// leap day at its end.
  private static func date(ofDay day: Int) -> String {
    let fromMarch0000 = day + 719_468
    let era = (fromMarch0000 >= 0 ? fromMarch0000 : fromMarch0000 - 146_096) / 146_097
    let dayOfEra = fromMarch0000 - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))"
  }

  static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
