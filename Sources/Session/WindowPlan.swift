internal import TraceModel

/// When windows open and close, in CLOCK_MONOTONIC ns. A pure value: it is told what happened and says what comes next.
///
/// The stream is followed some time after it was recorded. A cut (the target's end, a signal) is a time in the stream, not
/// the moment at which it became known: all that was recorded before the cut makes windows as if nothing had been cut.
struct WindowPlan {
  /// What opens windows.
  enum Opening {
    case time
    case trigger
    /// Somebody who asks for it when it has begun already; see `requests`.
    case request
  }

  /// What closes windows.
  enum Closing: Equatable {
    /// A time after the opening, ns.
    case after(UInt64)
    case trigger
    /// The target's end, or whatever cuts the plan short.
    case end
    /// Whoever asked for it has said when.
    case request
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
  /// The number of windows that counted so far.
  private var count = 0
  private(set) var isOpen = false
  private var start: UInt64 = 0
  /// The time at which the next window opens, or from which on the first trigger opens it, ns. Nil before it is scheduled:
  /// something that only the stream shows (a command's exec) opens the first.
  private var notBefore: UInt64?
  /// The time at which the open window closes at the latest, ns; nil where only a trigger or the cut closes it.
  private var end: UInt64?
  /// Where the plan is cut short: no window lasts longer, and none opens from then on.
  private var limit: UInt64?
  /// The windows that were asked for; the first one is open, if any is.
  var requests = WindowRequests()

  init(opening: Opening = .time, closing: Closing, pause: UInt64, count: Int, shortest: UInt64 = 0) {
    self.opening = opening
    self.closing = closing
    self.pause = pause
    self.shortest = shortest
    remaining = count
  }

  /// Where the plan is cut short, ns; nil where it is not.
  var cut: UInt64? { limit }

  /// The number of the open window, from 1.
  var index: Int { count + 1 }

  /// Whether nothing is left to do.
  var isDone: Bool { !isOpen && remaining == 0 }

  /// Whether a window from `start` to `stop` that a trigger closed is too short to count.
  func isTooShort(from start: UInt64, to stop: UInt64) -> Bool { stop - start < shortest }

  /// The first window opens at `time`, or at the first trigger from then on.
  mutating func schedule(at time: UInt64) { notBefore = time }

  /// When something is to be done whether a trigger comes or not; nil where nothing is.
  var edge: UInt64? {
    guard !isDone else { return nil }
    let due = isOpen ? currentEnd : nextStart
    guard let limit else { return due }
    // What opens exactly there opens no more.
    return min(due ?? limit, limit)
  }

  /// When the open window closes, if that is known, ns.
  private var currentEnd: UInt64? { closing == .request ? requests.first?.end : end }

  /// When the next window opens, if that is known, ns.
  private var nextStart: UInt64? {
    switch opening {
    case .time: notBefore
    case .trigger: nil
    case .request: requests.first?.start
    }
  }

  /// What is to be done at `edge`.
  mutating func stepAtEdge() -> Step {
    if isOpen { return .close }
    if let nextStart, !isCut(at: nextStart) { return .open }
    remaining = 0
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
    guard opening == .trigger, kind != .stopTrigger, remaining > 0, let notBefore, time >= notBefore, !isCut(at: time)
    else { return .nothing }
    return .open
  }

  private func isCut(at time: UInt64) -> Bool { limit.map { time >= $0 } ?? false }

  /// `reached`: how far the stream has been followed already; a window cannot close before that.
  mutating func opened(at time: UInt64, reached: UInt64 = 0) {
    isOpen = true
    start = time
    end = nil
    if case .after(let length) = closing { end = max(time + length, reached) }
    if let limit { self.limit = max(limit, reached) }
  }

  /// `counts`: not for one that is too short.
  mutating func closed(at time: UInt64, counts: Bool = true) {
    isOpen = false
    if counts {
      count += 1
      remaining -= 1
    }
    if opening == .request { return }
    notBefore = time + pause
    if isCut(at: time + pause) { remaining = 0 }
  }

  /// The open window closes at `time` at the latest, and none opens from then on; what is still unread of the stream before
  /// that opens and closes windows as ever.
  mutating func cutShort(at time: UInt64) {
    if let limit, limit <= time { return }
    limit = time
    if !isOpen, let notBefore, notBefore >= time { remaining = 0 }
  }
}
