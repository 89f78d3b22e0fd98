import TestSupport
import Testing
import TraceModel
import TraceTestSupport

@testable import TraceFormat

/// Record types one by one, on pages made by hand.
struct PageDecoderTests {
  private func decode(_ page: HandmadePage, lastKnown: UInt64 = 0) throws -> (events: [Event], summary: PageSummary) {
    var format = try EventFormat.parse(
      Fixture.text("6.18", "formats/irq.softirq_entry"))
    format.id = 223
    let decoder = PageDecoder(
      layout: try PageLayout(headerPage: Fixture.text("6.18", "header_page")),
      table: try EventTable([.softIRQEntry: format]))
    var events = FlatArray<Event>()
    var names = NameTable()
    let summary = page.bytes.withUnsafeBytes {
      decoder.decode($0, cpu: 1, lastKnown: lastKnown, into: &events, names: &names, stacks: KernelStackTable())
    }
    return (Array(events.elements), summary)
  }

  @Test func aRecordIsTimedFromTheOneBefore() throws {
    var page = HandmadePage(timestamp: 1000)
    page.softIRQ(delta: 0)
    page.softIRQ(delta: 5, vector: 9)
    let (events, summary) = try decode(page)
    #expect(events.map(\.timestamp) == [1000, 1005])
    #expect(events.map(\.subject) == [3, 9])
    #expect(events.allSatisfy { $0.tid == 7 && $0.cpu == 1 && $0.kind == .softIRQEntry })
    #expect(summary.events == 2 && summary.status == .complete)
  }

  @Test func aTimeExtendAddsItsUpperBits() throws {
    var page = HandmadePage(timestamp: 1000)
    page.header(type: 30, delta: 7)
    page.add(UInt32(2))
    page.softIRQ(delta: 0)
    #expect(try decode(page).events.map(\.timestamp) == [1000 + 7 + 2 << 27])
  }

  @Test func aTimeStampIsAbsolute() throws {
    let time: UInt64 = 123 << 27 | 45
    var page = HandmadePage(timestamp: 1000)
    page.header(type: 31, delta: UInt32(time & (1 << 27 - 1)))
    page.add(UInt32(time >> 27))
    page.softIRQ(delta: 0)
    #expect(try decode(page).events.map(\.timestamp) == [time])
  }

  @Test func aTimeStampKeepsTheUpperBitsThatItHasNoRoomFor() throws {
    let base: UInt64 = 3 << 59
    var page = HandmadePage(timestamp: base | 50)
    page.header(type: 31, delta: 100)
    page.add(UInt32(0))
    page.softIRQ(delta: 0)
    #expect(try decode(page).events.map(\.timestamp) == [base | 100])
  }

  @Test func aDiscardedRecordCountsForTimeOnly() throws {
    var page = HandmadePage(timestamp: 1000)
    page.softIRQ(delta: 0)
    page.header(type: 29, delta: 10)
    page.add(UInt32(12))  // itself and 8 bytes
    page.add(UInt64.max)
    page.softIRQ(delta: 1)
    let (events, summary) = try decode(page)
    #expect(events.map(\.timestamp) == [1000, 1011])
    #expect(summary.discarded == 1 && summary.status == .complete)
  }

  @Test func nullPaddingEndsThePage() throws {
    var page = HandmadePage(timestamp: 1000)
    page.softIRQ(delta: 0)
    page.header(type: 29, delta: 0)
    page.softIRQ(delta: 1)
    let (events, summary) = try decode(page)
    #expect(events.count == 1 && summary.status == .complete)
  }

  @Test func aLongRecordSaysItsLengthInAWord() throws {
    var page = HandmadePage(timestamp: 1000)
    page.header(type: 0, delta: 3)
    page.add(UInt32(4 + 12))
    page.add(UInt16(223))
    page.add(UInt16(0))
    page.add(Int32(8))
    page.add(UInt32(1))
    #expect(try decode(page).events == [Event(timestamp: 1003, tid: 8, kind: .softIRQEntry, cpu: 1, subject: 1)])
  }

  @Test func missedEventsBecomeAGap() throws {
    var page = HandmadePage(timestamp: 1000)
    page.softIRQ(delta: 0)
    page.flags = 1 << 31 | 1 << 30
    page.trailer = [42, 0, 0, 0, 0, 0, 0, 0]
    let (events, summary) = try decode(page, lastKnown: 900)
    #expect(summary.missed == 42)
    #expect(events.map(\.kind) == [.gapStart, .gapEnd, .softIRQEntry])
    #expect(events.map(\.timestamp) == [900, 1000, 1000])
    #expect(events[0].value == 42)
  }

  @Test func missedEventsWithoutACountAreAGapOfUnknownLength() throws {
    var page = HandmadePage(timestamp: 1000)
    page.softIRQ(delta: 0)
    page.flags = 1 << 31
    #expect(try decode(page).summary.missed == -1)
  }

  @Test func anUnknownEventIsCountedAndSkipped() throws {
    var page = HandmadePage(timestamp: 1000)
    page.header(type: 2, delta: 4)
    page.add(UInt16(9999))
    page.add(UInt16(0))
    page.add(Int32(1))
    page.softIRQ(delta: 1)
    let (events, summary) = try decode(page)
    #expect(events.map(\.timestamp) == [1005])
    #expect(summary.undecodable == 1)
  }

  @Test func aRecordShorterThanItsFieldsIsCountedAndSkipped() throws {
    var page = HandmadePage(timestamp: 1000)
    page.header(type: 2, delta: 4)
    page.add(UInt16(223))
    page.add(UInt16(0))
    page.add(Int32(1))
    page.softIRQ(delta: 1)
    let (events, summary) = try decode(page)
    #expect(events.count == 1 && summary.undecodable == 1)
  }

  @Test func aRecordBeyondThePagesDataIsCorrupt() throws {
    var page = HandmadePage(timestamp: 1000)
    page.softIRQ(delta: 0)
    page.header(type: 28, delta: 1)
    page.add(UInt64(0))
    let (events, summary) = try decode(page)
    #expect(events.count == 1 && summary.status == .corrupt)
  }

  @Test func aPageCutShortIsReadAsFarAsItGoes() throws {
    var page = HandmadePage(timestamp: 1000)
    page.softIRQ(delta: 0)
    page.claimedLength = 4000
    let (events, summary) = try decode(page)
    #expect(events.count == 1 && summary.status == .truncated)
  }

  @Test func aPageWithoutAHeaderIsTruncated() throws {
    let decoder = try Fixture.decoder("6.18")
    var events = FlatArray<Event>()
    var names = NameTable()
    let summary = [UInt8](repeating: 0, count: 15).withUnsafeBytes {
      decoder.decode($0, cpu: 0, lastKnown: 0, into: &events, names: &names, stacks: KernelStackTable())
    }
    #expect(summary.status == .truncated && events.count == 0)
  }

  /// What the fuzzer does for a minute, for a moment and with a fixed seed: bit flips in real pages never crash.
  @Test func damagedRealPagesNeverCrash() throws {
    let decoder = try Fixture.decoder("6.18")
    var random = SplitMix64(state: 1)
    let fixture = Fixture(kernel: "6.18", scenario: "mixed")
    for var page in try fixture.pages(cpu: 0) {
      for _ in 0..<500 {
        page[Int.random(in: 0..<page.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        var events = FlatArray<Event>()
        var names = NameTable()
        let size = Int.random(in: 0...page.count, using: &random)
        page.withUnsafeBytes {
          _ = decoder.decode(
            UnsafeRawBufferPointer(rebasing: $0[..<size]), cpu: 0, lastKnown: 0, into: &events, names: &names,
            stacks: KernelStackTable())
        }
      }
    }
  }
}
