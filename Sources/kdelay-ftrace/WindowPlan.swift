/// When windows open and close, in CLOCK_MONOTONIC ns. A pure value: it is told what happened and says what comes next.
struct WindowPlan {
  /// nil: until the target ends.
  private let length: UInt64?
  private let pause: UInt64
  private var remaining: Int
  /// Windows opened so far; the open one's number, from 1.
  private(set) var index = 0
  private(set) var isOpen = false
  /// No window lasts longer than this; nil where nothing has cut the plan short.
  private var limit: UInt64?
  /// When the next window opens, or the open one closes; nil where no time is set for it.
  private(set) var edge: UInt64?

  init(length: UInt64?, pause: UInt64, count: Int) {
    self.length = length
    self.pause = pause
    remaining = count
  }

  /// Whether nothing is left to do.
  var isDone: Bool { !isOpen && remaining == 0 }

  /// The first window opens at `time`.
  mutating func schedule(at time: UInt64) { edge = time }

  /// `reached`: how far the stream has been followed already; a window cannot close before that.
  mutating func opened(at time: UInt64, reached: UInt64 = 0) {
    isOpen = true
    index += 1
    remaining -= 1
    edge = length.map { max(time + $0, reached) }
    if let limit { edge = max(min(edge ?? limit, limit), reached) }
  }

  mutating func closed(at time: UInt64) {
    isOpen = false
    edge = remaining > 0 ? time + pause : nil
  }

  /// The open window, or the one that is due by then, closes at `time` at the latest, and none follows.
  mutating func cutShort(at time: UInt64) {
    guard limit == nil else { return }
    limit = time
    if isOpen {
      remaining = 0
      edge = min(edge ?? time, time)
    } else if let edge, edge <= time {
      remaining = 1
    } else {
      remaining = 0
      edge = nil
    }
  }
}
