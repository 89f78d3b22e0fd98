package import TraceFormat

/// Pages of a recording, handed out turn by turn as they were read when it was made, so that whoever follows them sees each event
/// when the recorder did.
///
/// What a turn had and its reader did not take is there in the next one.
package struct TurnedPages<Pages: PageSource & ~Copyable>: ~Copyable, PageSource {
  package var pages: Pages
  /// The number of pages that each stream has had up to this turn, and how many of them were taken.
  private var known: [Int]
  private var taken: [Int]
  private var overruns: [UInt64?]
  /// Whether a page is missing that a turn has had: the recording goes no further than the turn before.
  package private(set) var isShort = false

  /// Pages of which no turn has had one yet.
  package init(_ pages: consuming Pages) {
    let count = pages.streams.count
    self.pages = pages
    known = Array(repeating: 0, count: count)
    taken = Array(repeating: 0, count: count)
    overruns = Array(repeating: nil, count: count)
  }

  package var streams: [PageStream] { pages.streams }

  /// The next turn.
  package mutating func begin(_ turn: JournalTurn) {
    for part in turn.parts where known.indices.contains(part.position) {
      known[part.position] = Swift.max(known[part.position], known[part.position] &+ min(part.pages, 1 << 40))
      if let overrun = part.overrun { overruns[part.position] = overrun }
    }
  }

  package mutating func next(_ position: Int) -> UnsafeRawBufferPointer? {
    guard taken[position] < known[position] else { return nil }
    guard let page = pages.next(position) else {
      isShort = true
      return nil
    }
    taken[position] += 1
    return page
  }

  package func overrun(_ position: Int) -> UInt64? { overruns[position] ?? pages.overrun(position) }
}
