internal import Glibc

/// One line on a terminal that says how far the window is, for windows longer than two seconds.
struct Progress {
  private let isShown: Bool
  private var isVisible = false
  private var updated: UInt64 = 0
  private var events: UInt64 = 0

  /// A line that is not there yet. `length`: that of a window, ns; nil where nobody knows it.
  init(length: UInt64?) {
    isShown = isatty(STDERR_FILENO) == 1 && (length ?? .max) > 2_000_000_000
  }

  /// Says where it stands; five times a second. `started`: when the open window began, nil where a trigger is waited for.
  mutating func update(now: UInt64, started: UInt64?, events total: UInt64, lost: UInt64) {
    guard isShown, now > started ?? 0, now - updated >= 200_000_000 else { return }
    let rate = updated == 0 ? 0 : (total - events) * 1_000_000_000 / (now - updated)
    updated = now
    events = total
    isVisible = true
    let elapsed = started.map { (now - $0) / 100_000_000 }
    let state = elapsed.map { "\($0 / 10).\($0 % 10) s" } ?? "waiting for the start trigger"
    Failure.write("\r\u{1B}[K\(state), \(rate) events/s, \(lost) events lost")
  }

  /// Takes the line away, before anything else is written.
  mutating func clear() {
    guard isVisible else { return }
    Failure.write("\r\u{1B}[K")
    isVisible = false
  }
}
