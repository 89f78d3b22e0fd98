import Testing
import TraceFile
import TraceFormat
import TraceModel
import TraceTestSupport

/// Our own records, through our own reader of pages.
struct NotePageTests {
  private func read(_ page: NotePage) throws -> (texts: [String], isWhole: Bool) {
    let layout = try PageLayout(headerPage: Fixture.text("6.18", "header_page"))
    let reader = try TextRecords(EventFormat.parse(NoteFormat.text), layout: layout)
    var texts: [String] = []
    let isWhole = page.bytes.withUnsafeBytes { reader.read($0) { texts.append($0) } }
    return (texts, isWhole)
  }

  @Test func notesOfEachLengthComeBack() throws {
    for length in 0...300 {
      var page = NotePage(size: 4096, task: 7)
      let text = String(repeating: "x", count: length)
      #expect(page.isEmpty)
      let fit = [page.add("before".utf8, at: 1000), page.add(text.utf8, at: 1001), page.add("behind".utf8, at: 1001)]
      #expect(fit == [true, true, true])
      let (texts, isWhole) = try read(page)
      #expect(texts == ["before", text, "behind"] && isWhole)
    }
  }

  @Test func theLongestNoteFillsAPage() throws {
    for size in [4096, 16384, 65536, 1 << 17] {
      let longest = String(repeating: "y", count: NotePage.capacity(size: size))
      var page = NotePage(size: size, task: 7)
      let fitsTooLong = page.add((longest + "yyyy").utf8, at: 5)
      #expect(!fitsTooLong && page.isEmpty)
      let fits = page.add(longest.utf8, at: 5)
      #expect(fits)
      #expect(try read(page).texts == [longest])
      #expect(page.bytes.count == size)
    }
  }

  @Test func aPageTakesNotesUntilItIsFull() throws {
    var page = NotePage(size: 4096, task: 7)
    var count = 0
    while page.add("note \(count)".utf8, at: UInt64(count) << 26) { count += 1 }
    #expect(try read(page).texts == (0..<count).map { "note \($0)" })
    page.removeAll()
    #expect(page.isEmpty && page.bytes.allSatisfy { $0 == 0 })
  }

  /// By the decoder of the hot path, which knows the times.
  @Test func timesComeBackThoughTheyAreFarApart() throws {
    let format = try EventFormat.parse(NoteFormat.text)
    var table = EventTable()
    try table.add(format, RecordReading(.rename, tid: "common_pid", subject: "common_pid", text: "text"))
    let decoder = PageDecoder(
      layout: try PageLayout(headerPage: Fixture.text("6.18", "header_page")), table: table)
    var page = NotePage(size: 4096, task: 1234)
    let times: [UInt64] = [
      1 << 40, 1 << 40 + 1, 1 << 40 + 1 << 27 - 1, 1 << 40 + 1 << 28, 1 << 58, 1 << 58,
    ]
    var fit = times.map { page.add("at \($0)".utf8, at: $0) }
    // It cannot be earlier than the one before.
    fit.append(page.add("late".utf8, at: 3))
    #expect(!fit.contains(false))
    var events = FlatArray<Event>()
    var names = NameTable()
    let summary = page.bytes.withUnsafeBytes {
      decoder.decode($0, cpu: 0, lastKnown: 0, into: &events, names: &names, stacks: KernelStackTable())
    }
    #expect(events.elements.map(\.timestamp) == times + [1 << 58])
    #expect(events.elements.allSatisfy { $0.tid == 1234 })
    #expect(events.elements.map { names[NameID($0.detail)] } == times.map { "at \($0)" } + ["late"])
    #expect(summary.status == .complete && summary.undecodable == 0 && summary.missed == nil)
  }
}
