internal import TraceModel

/// When windows open and close, in CLOCK_MONOTONIC ns. A pure value: it is told what happened and says what comes next.
struct WindowPlan {
  /// What opens windows.
  enum Opening {
    case time
    case trigger
  }

  /// What closes them.
  enum Closing: Equatable {
    /// A time after the opening, ns.
    case after(UInt64)
    case trigger
    /// The target's end, or whatever cuts the plan short.
    case end
  }

  /// What a trigger, or the time, does.
  enum Step: Equatable {
    case open
    case close
    case closeAndOpen
    case nothing
  }

  private let opening: Opening
  private let closing: Closing
  private let pause: UInt64
  /// A window that a trigger closes counts only if it is at least this long, ns.
  private let shortest: UInt64
  private var remaining: Int
  /// Windows that counted so far.
  private var count = 0
  private(set) var isOpen = false
  private var start: UInt64 = 0
  /// A trigger before this opens nothing.
  private var notBefore: UInt64 = 0
  /// No window lasts longer than this; nil where nothing has cut the plan short.
  private var limit: UInt64?
  /// When something is to be done whether a trigger comes or not; nil where nothing is.
  private(set) var edge: UInt64?

  init(opening: Opening = .time, closing: Closing, pause: UInt64, count: Int, shortest: UInt64 = 0) {
    self.opening = opening
    self.closing = closing
    self.pause = pause
    self.shortest = shortest
    remaining = count
  }

  /// The number of the open window, from 1.
  var index: Int { count + 1 }

  /// Whether nothing is left to do.
  var isDone: Bool { !isOpen && remaining == 0 }

  /// Whether the next step needs a trigger.
  var waitsForTrigger: Bool { !isDone && (isOpen ? closing == .trigger : opening == .trigger) }

  /// Whether a window from `start` to `stop` that a trigger closed is too short to count.
  func isTooShort(from start: UInt64, to stop: UInt64) -> Bool { stop - start < shortest }

  /// The first window opens at `time`, or at the first trigger from then on.
  mutating func schedule(at time: UInt64) {
    notBefore = time
    if opening == .time { edge = time }
  }

  /// What is to be done at `edge`.
  mutating func stepAtEdge() -> Step {
    if isOpen { return .close }
    if opening == .time { return .open }
    // Cut short while waiting.
    remaining = 0
    edge = nil
    return .nothing
  }

  /// What a trigger at `time` does.
  func step(on kind: EventKind, at time: UInt64) -> Step {
    if isOpen {
      guard closing == .trigger, kind != .startTrigger else { return .nothing }
      // The window that it closes counts or does not; another may follow in any case where several are left.
      let another = remaining > 1 || isTooShort(from: start, to: time)
      return kind == .startStopTrigger && another && pause == 0 && !isCut(at: time) ? .closeAndOpen : .close
    }
    guard opening == .trigger, kind != .stopTrigger, remaining > 0, time >= notBefore, !isCut(at: time) else {
      return .nothing
    }
    return .open
  }

  private func isCut(at time: UInt64) -> Bool { limit.map { time >= $0 } ?? false }

  /// `reached`: how far the stream has been followed already; a window cannot close before that.
  mutating func opened(at time: UInt64, reached: UInt64 = 0) {
    isOpen = true
    start = time
    edge = nil
    if case .after(let length) = closing { edge = max(time + length, reached) }
    if let limit { edge = max(min(edge ?? limit, limit), reached) }
  }

  /// `counts`: not for one that is too short.
  mutating func closed(at time: UInt64, counts: Bool = true) {
    isOpen = false
    if counts {
      count += 1
      remaining -= 1
    }
    notBefore = time + pause
    edge = nil
    guard remaining > 0 else { return }
    if let limit {
      // Triggers before the cut may still be in the stream.
      if opening == .time || notBefore >= limit { remaining = 0 } else { edge = limit }
    } else if opening == .time {
      edge = notBefore
    }
  }

  /// The open window, or the one that is due by then, closes at `time` at the latest, and none opens after it.
  mutating func cutShort(at time: UInt64) {
    guard limit == nil else { return }
    limit = time
    if isOpen || opening == .trigger {
      if remaining > 0 { edge = min(edge ?? time, time) }
    } else if let edge, edge <= time {
      remaining = 1
    } else {
      remaining = 0
      edge = nil
    }
  }
}
