import Testing

@testable import TraceSource

struct PageFillTests {
  /// Which of the pieces ended a page.
  private func ends(_ pieces: Int...) -> [Bool] {
    var fill = PageFill()
    return pieces.map { fill.add($0, capacity: 4080) }
  }

  @Test func aPageThatTheWriterHasNotFilledIsTheLast() {
    #expect(ends(4000, 1000) == [true, false])
  }

  @Test func piecesOfOnePageAddUpToAFullOne() {
    #expect(ends(1000, 1000, 2000, 1000) == [false, false, true, false])
  }

  @Test func theRestOfAPageThatWasTakenForFullIsNotTheNext() {
    // 3,800 of 4,080 bytes count as full; the writer had 200 more to put there, and the page behind it is full as well.
    #expect(ends(3800, 200, 4000, 100) == [true, true, true, true])
    // The same piece twice in a row is a page in the making.
    #expect(ends(3800, 200, 200) == [true, true, false])
  }

  @Test func aPageThatEndedEarlyDoesNotCountForTheNext() {
    // The second piece is more than the rest of the first page would have held: it is of another one.
    #expect(ends(3000, 1500, 2400) == [false, false, true])
  }
}
