internal import Glibc
internal import Session

/// One line on a terminal that says how far the window is, for windows longer than two seconds.
struct Progress {
  private let isShown: Bool
  private var isVisible = false
  private var updated: UInt64 = 0
  private var events: UInt64 = 0

  /// What is said while no window is open.
  private let waiting: String

  /// A line that is not there yet.
  init(_ settings: SessionSettings) {
    // Nobody knows how long a window is that something else than its length closes.
    let length = settings.stopTrigger == nil && !settings.looksBack ? settings.length : nil
    isShown = isatty(STDERR_FILENO) == 1 && (length ?? .max) > 2_000_000_000
    waiting =
      !settings.conditions.isEmpty
      ? "waiting for \(settings.conditions.map(\.text).joined(separator: ", "))"
      : "waiting for the \(settings.startTrigger == nil ? "stop" : "start") trigger"
  }

  /// Says where it stands; five times a second. `started`: when the open window began, nil where a trigger is waited for.
  mutating func update(now: UInt64, started: UInt64?, events total: UInt64, lost: UInt64) {
    guard isShown, now > started ?? 0, now - updated >= 200_000_000 else { return }
    let rate = updated == 0 ? 0 : (total - events) * 1_000_000_000 / (now - updated)
    updated = now
    events = total
    isVisible = true
    let elapsed = started.map { (now - $0) / 100_000_000 }
    let state = elapsed.map { "\($0 / 10).\($0 % 10) s" } ?? waiting
    Failure.write("\r\u{1B}[K\(state), \(rate) events/s, \(lost) events lost")
  }

  /// Takes the line away, before anything else is written.
  mutating func clear() {
    guard isVisible else { return }
    Failure.write("\r\u{1B}[K")
    isVisible = false
  }
}
