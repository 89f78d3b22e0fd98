internal import Glibc

/// The CPU time that the tool takes to read events and make reports of them, for `--debug`. What it took to set up is told apart:
/// it does not grow with the events.
struct ReadingCost {
  /// When reading began.
  private let before = ReadingCost.usage

  /// What reading has cost so far.
  func text(of events: UInt64) -> String {
    let now = Self.usage
    let (user, system) = (now.user - before.user, now.system - before.system)
    return "set up with \(before.user) us user and \(before.system) us system time; "
      + "read \(events) events with \(user) us user and \(system) us system time, "
      + "\((user + system) * 1000 / max(1, Int(events))) ns each; at most \(now.residentKiB) KiB resident"
  }

  /// CPU time of the process, microseconds, and the most memory that it had.
  private static var usage: (user: Int, system: Int, residentKiB: Int) {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return (
      usage.ru_utime.tv_sec * 1_000_000 + Int(usage.ru_utime.tv_usec),
      usage.ru_stime.tv_sec * 1_000_000 + Int(usage.ru_stime.tv_usec), usage.ru_maxrss
    )
  }
}
