import Testing
import TraceFormat
import TraceModel
import TraceTestSupport

/// The reader of all streams, fed by a script instead of a kernel.
struct StreamReaderTests {
  /// Far beyond all that is read here, ns.
  private static let later: UInt64 = 1_000_000_000

  /// Streams of the given roles, one CPU each; every record is a soft interrupt of data, or the start trigger.
  private func source(_ roles: [PageStream.Role], _ pages: [[HandmadePage]] = []) throws -> ScriptedPages {
    let layout = try PageLayout(headerPage: Fixture.text("6.18", "header_page"))
    var format = try EventFormat.parse(Fixture.text("6.18", "formats/irq.softirq_entry"))
    format.id = 223
    let streams = try roles.enumerated().map { cpu, role in
      var table = EventTable()
      let kind: EventKind =
        switch role {
        case .data: .softIRQEntry
        case .calls: .returnAddress
        case .triggers, .stopTrigger: .startTrigger
        }
      try table.add(format, RecordReading(kind, subject: "vec"))
      return PageStream(cpu: cpu, role: role, decoder: PageDecoder(layout: layout, table: table))
    }
    return ScriptedPages(streams, pages)
  }

  /// A page with an event at each time. `missed`: before it; negative: it does not know how many.
  private func page(_ times: UInt64..., missed: Int64? = nil) -> HandmadePage {
    var page = HandmadePage(timestamp: times[0])
    var last = times[0]
    for time in times {
      page.softIRQ(delta: UInt32(time - last))
      last = time
    }
    if let missed {
      page.flags = 1 << 31 | (missed < 0 ? 0 : 1 << 30)
      if missed >= 0 { withUnsafeBytes(of: missed) { page.trailer = Array($0) } }
    }
    return page
  }

  private func release(
    _ reader: inout StreamReader<ScriptedPages>, before limit: UInt64 = later
  ) -> [Event] {
    var events: [Event] = []
    _ = reader.release(before: limit) { run in
      events += run
      return (run.count, false)
    }
    return events
  }

  @Test func streamsComeInOrderOfTime() throws {
    var reader = StreamReader(try source([.data, .data], [[page(10, 30), page(50)], [page(20, 40)]]))
    let (complete, wasBusy) = reader.drain(now: Self.later)
    #expect(complete == Self.later - Settling.time)
    #expect(!wasBusy)
    let events = release(&reader)
    #expect(events.map(\.timestamp) == [10, 20, 30, 40, 50])
    #expect(events.map(\.cpu) == [0, 1, 0, 1, 0])
    #expect(reader.eventsRead == 5)
    #expect(reader.bytesRead == 5 * 16)
    #expect(reader.released == Self.later)
    #expect(reader.lastTimestamp == 50)
  }

  @Test func nothingSettlesInTheFirstMilliseconds() throws {
    var reader = StreamReader(try source([.data], [[page(10)]]))
    #expect(reader.drain(now: Settling.time - 1).complete == 0)
  }

  @Test func recordsOfNoInterestAreReadLikeOthers() throws {
    var other = HandmadePage(timestamp: 10)
    other.header(type: 2, delta: 90)
    other.add(UInt32(222))
    other.add(UInt32(0))
    var reader = StreamReader(try source([.data], [Array(repeating: other, count: 65)]))
    let (complete, wasBusy) = reader.drain(now: Self.later)
    #expect(complete == 100)
    #expect(wasBusy)
    #expect(reader.lastTimestamp == 0)
  }

  @Test func aPageThatIsBeingWrittenIsLeftAlone() throws {
    let young: UInt64 = 1000
    var reader = StreamReader(try source([.data], [[page(10), page(20, young), page(young + 1)]]))
    let (complete, wasBusy) = reader.drain(now: young + Settling.time)
    #expect(complete == young)
    #expect(!wasBusy)
    #expect(reader.source.pages[0].count == 1)
    #expect(release(&reader, before: complete).map(\.timestamp) == [10, 20])
  }

  @Test func aStreamThatIsBehindDoesNotHoldUpTheOthers() throws {
    let many = (1...100).map { page(UInt64($0) * 10) }
    var reader = StreamReader(try source([.data, .data], [many, [page(5), page(995)]]))
    let first = reader.drain(now: Self.later)
    #expect(first.wasBusy)
    #expect(first.complete == 640)
    #expect(reader.source.pages.map(\.count) == [36, 0])
    #expect(release(&reader, before: first.complete).count == 64)
    let second = reader.drain(now: Self.later)
    #expect(!second.wasBusy)
    #expect(release(&reader, before: second.complete).map(\.timestamp).suffix(3) == [990, 995, 1000])
    #expect(reader.loss == Loss())
  }

  @Test func aStreamThatIsAheadInARecordingWaits() throws {
    let dense = (1...200).map { page(UInt64($0)) }
    let sparse = (1...200).map { page(UInt64($0) * 1000) }
    var reader = StreamReader(try source([.data, .data], [dense, sparse]))
    var times: [UInt64] = []
    var sparsePages: [Int] = []
    while true {
      let (complete, wasBusy) = reader.drain(now: .max)
      times += release(&reader, before: complete).map(\.timestamp)
      sparsePages.append(reader.source.pages[1].count)
      if !wasBusy { break }
    }
    #expect(times.count == 400)
    #expect(times == times.sorted())
    // While the other stream took three more turns, it was not read on.
    #expect(sparsePages.prefix(4) == [136, 136, 136, 136])
    #expect(reader.loss == Loss())
  }

  @Test func anOfflineCPUIsWaitedForByNobody() throws {
    var reader = StreamReader(try source([.data, .data], [[page(10)], []]))
    let (complete, wasBusy) = reader.drain(now: Self.later)
    #expect(complete == Self.later - Settling.time)
    #expect(!wasBusy)
    #expect(release(&reader, before: complete).count == 1)
    // It comes online.
    reader.source.pages[1] = [page(Self.later + 1).bytes]
    _ = reader.drain(now: 2 * Self.later)
    #expect(release(&reader, before: 2 * Self.later).map(\.cpu) == [1])
  }

  // MARK: Loss

  @Test func aGapReachesFromTheLastEventThatIsKnown() throws {
    var reader = StreamReader(try source([.data], [[page(100), page(300, missed: 7)]]))
    reader.source.overruns = [7]
    _ = reader.drain(now: Self.later)
    let events = release(&reader)
    #expect(events.map(\.kind) == [.softIRQEntry, .gapStart, .gapEnd, .softIRQEntry])
    #expect(events.map(\.timestamp) == [100, 100, 300, 300])
    #expect(events[1].value == 7)
    #expect(reader.loss.eventsByCPU == [0: 7])
  }

  @Test func aGapBeginsWhereTheStreamIsCompleteThoughItHadNoEvent() throws {
    var reader = StreamReader(try source([.data], []))
    let (complete, _) = reader.drain(now: Self.later)
    #expect(release(&reader, before: complete).isEmpty)
    reader.source.pages = [[page(2 * Self.later, missed: 1).bytes]]
    reader.source.overruns = [1]
    _ = reader.drain(now: 3 * Self.later)
    #expect(release(&reader, before: 3 * Self.later).first?.timestamp == complete)
  }

  @Test func aGapAtTheBeginningOfARecordingBeginsWithIt() throws {
    var reader = StreamReader(try source([.data], [[page(300, missed: 7)]]), begin: 250)
    _ = reader.drain(now: .max)
    #expect(release(&reader).first?.timestamp == 250)
  }

  /// A page says what it knows; what the kernel has counted bounds that, and fills in what the page had no room for.
  @Test func lostEventsAreCountedOnce() throws {
    var reader = StreamReader(try source([.data]))
    var counts: [Int64] = []
    for (missed, overrun) in [(-1, 10), (4, 10), (4, 12), (-1, 20), (3, 30)] as [(Int64, UInt64)] {
      reader.source.pages = [[page(UInt64(counts.count + 1) * 100, missed: missed).bytes]]
      reader.source.overruns = [overrun]
      _ = reader.drain(now: Self.later)
      counts += release(&reader, before: UInt64(counts.count + 1) * 100 + 1).filter { $0.kind == .gapStart }.map(
        \.value)
    }
    #expect(counts == [10, 0, 2, 8, 3])
    #expect(reader.loss.eventsByCPU == [0: 23])
  }

  @Test func whereTheKernelsCountIsNotKnownThePageIsBelieved() throws {
    var reader = StreamReader(try source([.data], [[page(100, missed: 4), page(200, missed: -1)]]))
    _ = reader.drain(now: .max)
    // At least one event was lost where nobody knows how many.
    #expect(release(&reader).filter { $0.kind == .gapStart }.map(\.value) == [4, 1])
    #expect(reader.loss.eventsByCPU == [0: 5])
  }

  @Test func anEventThatComesTooLateIsPassedOnAndCounted() throws {
    var reader = StreamReader(try source([.data, .data], [[page(100)], []]))
    _ = reader.drain(now: Self.later)
    #expect(release(&reader, before: 200).count == 1)
    reader.source.pages[1] = [page(150, 250).bytes]
    _ = reader.drain(now: Self.later)
    #expect(release(&reader).map(\.timestamp) == [150, 250])
    #expect(reader.loss.late == 1)
  }

  @Test func aRecordThatNobodyKnowsIsUndecodable() throws {
    var broken = page(100)
    broken.records[4] = 1
    var reader = StreamReader(try source([.data], [[broken, page(200)]]))
    _ = reader.drain(now: Self.later)
    #expect(release(&reader).map(\.timestamp) == [200])
    #expect(reader.loss.undecodable == 1)
  }

  // MARK: Roles

  @Test func aTriggerComesBeforeDataOfTheSameNanosecond() throws {
    var reader = StreamReader(try source([.data, .triggers], [[page(99, 100)], [page(100)]]))
    _ = reader.drain(now: Self.later)
    #expect(release(&reader).map(\.kind) == [.softIRQEntry, .startTrigger, .softIRQEntry])
  }

  @Test(arguments: [PageStream.Role.triggers, .stopTrigger, .calls])
  func whatATriggersStreamLosesIsNoLossOfData(_ role: PageStream.Role) throws {
    var reader = StreamReader(
      try source([.data, role], [[page(50), page(60, missed: -1)], [page(100, missed: -1), page(200, missed: -1)]]))
    reader.source.overruns = [2, 5]
    _ = reader.drain(now: Self.later)
    let lost = release(&reader).filter { $0.kind == .lostTriggers }
    #expect(lost.map(\.timestamp) == [0, 100, 100, 200])
    // Without a call no window is missing.
    #expect(lost.map(\.value) == (role == .calls ? [0, 0, 0, 0] : [5, 0, 0, 0]))
    #expect(reader.loss.eventsByCPU == [0: 2])
  }
}
