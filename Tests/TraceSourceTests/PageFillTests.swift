import Testing

@testable import TraceSource

struct PageFillTests {
  /// Which of the pieces ended a page.
  private func ends(_ pieces: Int...) -> [Bool] {
    var fill = PageFill()
    return pieces.map { fill.add($0, capacity: 4080) }
  }

  @Test func aPageThatTheWriterHasNotFilledIsTheLast() {
    #expect(ends(4000, 100) == [true, false])
  }

  @Test func piecesOfOnePageAddUpToAFullOne() {
    #expect(ends(1000, 1000, 2000, 1000) == [false, false, true, false])
  }

  @Test func aPageThatEndedEarlyDoesNotCountForTheNext() {
    // The second piece is more than the rest of the first page would have held: it is of another one.
    #expect(ends(3000, 1500, 2400) == [false, false, true])
  }
}
