import Testing

@testable import Binaries
@testable import Unwinder

/// What is said of files whose names or lines are missing.
struct DebugGapsTests {
  @Test func whatIsMissingIsSaidOnceAReason() {
    var gaps = DebugGaps()
    #expect(gaps.notes.isEmpty)
    for _ in 0..<2 { gaps.noteUnreadable("b") }
    gaps.noteUnreadable("a")
    gaps.noteSplit("c")
    for name in ["1", "2", "3", "4", "5"] { gaps.noteUnopened(name) }
    #expect(gaps.notes.count == 3)
    #expect(gaps.notes[0].contains("1, 2, 3 and 2 more."))
    #expect(gaps.notes[1].contains("of a, b is damaged"))
    #expect(gaps.notes[2].contains("of c is in .dwo files"))
  }
}
