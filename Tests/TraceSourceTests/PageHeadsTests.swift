import Testing
import TraceFormat
import TraceModel
import TraceTestSupport

@testable import TraceSource

/// What remains of pages whose events nobody looks at.
struct PageHeadsTests {
  private static let pageSize = 4096

  /// What a decoder reads of the head of `page`: its events, up to when it goes, and what it says of missing ones.
  private func head(of page: HandmadePage) throws -> (events: [Event], summary: PageSummary, isFull: Bool) {
    let layout = try PageLayout(headerPage: Fixture.text("6.18", "header_page"))
    let decoder = PageDecoder(layout: layout, table: EventTable())
    var events = FlatArray<Event>(capacity: 16)
    var names = NameTable()
    var heads = PageHeads()
    let bytes = page.bytes + Array(repeating: 0, count: Self.pageSize - page.bytes.count)
    let isFull = bytes.withUnsafeBytes { heads.add($0, 1, decoder) }
    let other = heads.next(0)
    let head = heads.next(1)
    let summary = decoder.decode(
      try #require(head), cpu: 0, lastKnown: 5, into: &events, names: &names, stacks: KernelStackTable())
    let next = heads.next(1)
    #expect(other == nil && next == nil)
    return ((0..<events.count).map { events[$0] }, summary, isFull)
  }

  private func page(_ deltas: [UInt32], missed: Int64? = nil) -> HandmadePage {
    var page = HandmadePage(timestamp: 1_000_000_000_000)
    for delta in deltas { page.softIRQ(delta: delta) }
    if let missed {
      page.flags = 1 << 31 | 1 << 30
      withUnsafeBytes(of: missed) { page.trailer = Array($0) }
    }
    return page
  }

  @Test func itSaysHowFarAPageGoesThatHasRoomLeft() throws {
    let deltas = Array(repeating: UInt32(100_000_000), count: 20)
    let (events, summary, isFull) = try head(of: page(deltas))
    #expect(!isFull)
    #expect(events.isEmpty)
    #expect(summary.status == .complete)
    #expect(summary.time == 1_002_000_000_000)
    #expect(summary.missed == nil)
  }

  @Test func aFullPageIsNotLookedInto() throws {
    let full = page(Array(repeating: 10, count: (Self.pageSize - 16) / 16))
    let (_, summary, isFull) = try head(of: full)
    #expect(isFull && summary.time == 1_000_000_000_000)
  }

  @Test(arguments: [1, 254])
  func whatIsMissingBeforeThePageRemains(_ count: Int) throws {
    let (events, summary, _) = try head(of: page(Array(repeating: 7, count: count), missed: 12))
    #expect(summary.missed == 12)
    #expect(events.map(\.kind) == [.gapStart, .gapEnd])
    #expect(events.map(\.timestamp) == [5, 1_000_000_000_000])
  }

  @Test func pagesComeByStreamInOrder() throws {
    let decoder = PageDecoder(
      layout: try PageLayout(headerPage: Fixture.text("6.18", "header_page")), table: EventTable())
    var heads = PageHeads()
    for (time, stream) in [(1, 0), (2, 3), (3, 0), (4, 3), (5, 3)] {
      let page = HandmadePage(timestamp: UInt64(time)).bytes + Array(repeating: 0, count: 4080)
      _ = page.withUnsafeBytes { heads.add($0, stream, decoder) }
    }
    func times(_ stream: Int) -> [UInt64] {
      var times: [UInt64] = []
      while let head = heads.next(stream) { times.append(head.loadUnaligned(as: UInt64.self)) }
      return times
    }
    #expect(times(3) == [2, 4, 5])
    #expect(times(0) == [1, 3])
    #expect(times(1).isEmpty && times(9).isEmpty)
  }
}
