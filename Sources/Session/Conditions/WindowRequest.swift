/// A window that was asked for after it had begun.
struct WindowRequest: Equatable {
  /// When the window begins and ends, ns.
  var start: UInt64
  var end: UInt64
  /// When it would begin if all of it were kept, ns.
  var wanted: UInt64
  /// The intervals for which the window is made, in the order of their ends.
  var occurrences: [Occurrence] = []
  /// The number of intervals that there was no room for.
  var occurrencesLeftOut: UInt64 = 0
  /// What the window ends at; nil where that is no trigger.
  var stopTrigger: String?

  /// The most intervals that one window lists.
  static let mostOccurrences = 1024

  mutating func add(_ occurrence: Occurrence) {
    if occurrences.count < Self.mostOccurrences { occurrences.append(occurrence) } else { occurrencesLeftOut += 1 }
  }
}

/// The windows that were asked for and have not been made, in order. They do not overlap.
///
/// The rule: intervals come in the order of their ends. One that ends inside of the latest window belongs to that, and does not
/// make it longer, so that no row of intervals makes a window without an end. Any other one gets a window, which begins where
/// the one before ends, if it would begin before that.
struct WindowRequests {
  private var waiting: [WindowRequest] = []
  /// When the window ends that was asked for last, ns.
  private(set) var lastEnd: UInt64 = 0
  private var endBeforeLast: UInt64 = 0

  /// The next window; nil where none waits.
  var first: WindowRequest? { waiting.first }

  /// The number of windows that wait.
  var count: Int { waiting.count }

  /// Asks for a window from `start` to `end`, ns, for an interval. `kept`: the time, ns, before which nothing can be reported any
  /// more. `isFirstOpen`: whether the first window has been opened.
  mutating func add(
    from start: UInt64, to end: UInt64, for occurrence: Occurrence, kept: UInt64, isFirstOpen: Bool
  ) {
    guard let last = waiting.indices.last, occurrence.end < waiting[last].end else {
      append(from: start, to: end, kept: kept)
      return waiting[waiting.count - 1].add(occurrence)
    }
    waiting[last].add(occurrence)
    waiting[last].wanted = min(waiting[last].wanted, max(start, endBeforeLast))
    // It may begin earlier, as long as it has not begun.
    if !isFirstOpen || last > 0 {
      waiting[last].start = min(waiting[last].start, max(waiting[last].wanted, kept))
    }
  }

  /// Asks for a window from `start` to `end`, ns, which a trigger closes. It is a window of its own, however short.
  mutating func add(from start: UInt64, to end: UInt64, stopTrigger: String?, kept: UInt64) {
    append(from: start, to: end, kept: kept)
    waiting[waiting.count - 1].stopTrigger = stopTrigger
  }

  private mutating func append(from start: UInt64, to end: UInt64, kept: UInt64) {
    let wanted = max(start, lastEnd)
    waiting.append(WindowRequest(start: max(wanted, kept), end: max(end, wanted, kept), wanted: wanted))
    (lastEnd, endBeforeLast) = (waiting[waiting.count - 1].end, lastEnd)
  }

  /// The first window has been made, or cannot be.
  mutating func removeFirst() -> WindowRequest { waiting.removeFirst() }
}

extension WindowPlan {
  /// The window that closes was asked for: says in its result for what.
  mutating func takeRequest(into result: inout WindowResult) {
    let request = requests.removeFirst()
    result.occurrences = request.occurrences
    result.occurrencesLeftOut = request.occurrencesLeftOut
    result.overwritten = request.start - min(request.wanted, request.start)
    result.stopTrigger = request.stopTrigger
  }
}
