import Testing
import TraceFormat
import TraceModel
import TraceTestSupport

@testable import TraceSource

/// What remains of pages whose events nobody looks at.
struct PageHeadsTests {
  private static let pageSize = 4096

  /// What a decoder reads of the head of `page`: its events, up to when it goes, and what it says of missing ones.
  private func head(of page: HandmadePage) throws -> (events: [Event], summary: PageSummary) {
    let layout = try PageLayout(headerPage: Fixture.text("6.18", "header_page"))
    let decoder = PageDecoder(layout: layout, table: EventTable())
    var events = FlatArray<Event>(capacity: 16)
    var names = NameTable()
    let summary = page.bytes.withUnsafeBytes { bytes in
      decoder.decode(
        PageHeads(pageSize: Self.pageSize).head(of: bytes, decoder), cpu: 0, lastKnown: 5, into: &events,
        names: &names, stacks: KernelStackTable())
    }
    return ((0..<events.count).map { events[$0] }, summary)
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
    let (events, summary) = try head(of: page(deltas))
    #expect(events.isEmpty)
    #expect(summary.status == .complete)
    #expect(summary.time == 1_002_000_000_000)
    #expect(summary.missed == nil)
  }

  @Test func aFullPageIsNotLookedInto() throws {
    let full = page(Array(repeating: 10, count: (Self.pageSize - 16) / 16))
    #expect(try head(of: full).summary.time == 1_000_000_000_000)
  }

  @Test(arguments: [1, 255])
  func whatIsMissingBeforeThePageRemains(_ count: Int) throws {
    let (events, summary) = try head(of: page(Array(repeating: 7, count: count), missed: 12))
    #expect(summary.missed == 12)
    #expect(events.map(\.kind) == [.gapStart, .gapEnd])
    #expect(events.map(\.timestamp) == [5, 1_000_000_000_000])
  }

  @Test func whatIsNoPageStaysWhatItIs() throws {
    let decoder = PageDecoder(
      layout: try PageLayout(headerPage: Fixture.text("6.18", "header_page")), table: EventTable())
    [UInt8](repeating: 1, count: 15).withUnsafeBytes { bytes in
      #expect(PageHeads(pageSize: Self.pageSize).head(of: bytes, decoder).count == 15)
    }
  }
}
