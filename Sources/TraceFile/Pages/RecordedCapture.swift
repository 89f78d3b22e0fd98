internal import SystemCalls
package import TraceFormat
internal import TraceModel

/// A capture that was recorded as raw pages: the reader of its events, by the same rules as those of a live one.
package struct RecordedCapture: ~Copyable {
  package var reader: StreamReader<RecordedPages>
  /// The time of its first page, ns.
  package let begin: UInt64
  /// Tracepoints that were not recorded, as far as formats tell.
  package let missingEvents: [TracedEvent]

  /// Opens the pages in `directory`, `cpuN.raw`. The kernel's formats are in `formats`, by default there too or in the directory
  /// above: `header_page`, and each event's as `formats/SYSTEM.EVENT`, or as tracefs has them below `events`,
  /// `SYSTEM/EVENT/format`. `pageSize`: bytes of a sub-buffer; by default what `header_page` says.
  package static func open(
    _ directory: String, formats: String? = nil, pageSize: Int? = nil
  ) throws(TraceFileError) -> RecordedCapture {
    let places = formats.map { [$0] } ?? [directory, "\(directory)/.."]
    let layout = try readLayout(places)
    var found: [TracedEvent: EventFormat] = [:]
    for event in TracedEvent.allCases { found[event] = try readFormat(of: event.name, places) }
    for event in TracedEvent.allCases where event.isEssential && found[event] == nil {
      throw TraceFileError(.malformed, directory, "has no format of \(event.name)")
    }
    let table: EventTable
    do { table = try EventTable(found) } catch { throw TraceFileError(.malformed, directory, "\(error)") }
    let pages = try RecordedPages(
      directory: directory, pageSize: pageSize ?? layout.pageSize, decoder: PageDecoder(layout: layout, table: table))
    let begin = try pages.begin()
    return RecordedCapture(
      reader: StreamReader(pages, begin: begin), begin: begin,
      missingEvents: TracedEvent.allCases.filter { found[$0] == nil })
  }

  private init(reader: consuming StreamReader<RecordedPages>, begin: UInt64, missingEvents: [TracedEvent]) {
    self.reader = reader
    self.begin = begin
    self.missingEvents = missingEvents
  }

  /// Reads all that is left to the end, only to see which tasks made syscalls; the least is the first thread of a program that
  /// was recorded from its beginning.
  package consuming func callers() -> Set<Int32> {
    var tids: Set<Int32> = []
    var isAtEnd = false
    while !isAtEnd {
      let (complete, wasBusy) = reader.drain(now: .max)
      _ = reader.release(before: complete) { run in
        for event in run where event.kind == .syscallEnter { tids.insert(event.tid) }
        return (run.count, false)
      }
      isAtEnd = !wasBusy
    }
    return tids
  }

  // MARK: What the kernel's formats say

  private static func readLayout(_ places: [String]) throws(TraceFileError) -> PageLayout {
    guard let (path, text) = try firstText(places.map { "\($0)/header_page" }) else {
      throw TraceFileError(.unreadable, places[0], "has no header_page, which says how its pages begin")
    }
    do { return try PageLayout(headerPage: text) } catch { throw TraceFileError(.malformed, path, "\(error)") }
  }

  private static func readFormat(of event: EventName, _ places: [String]) throws(TraceFileError) -> EventFormat? {
    let paths = places.flatMap { ["\($0)/formats/\(event.system).\(event.name)", "\($0)/\(event.path)/format"] }
    guard let (path, text) = try firstText(paths) else { return nil }
    do { return try EventFormat.parse(text) } catch { throw TraceFileError(.malformed, path, "\(error)") }
  }

  /// The first of the files that is there, and its text.
  private static func firstText(_ paths: [String]) throws(TraceFileError) -> (path: String, text: String)? {
    for path in paths where SystemFiles.exists(path) { return (path, try RecordedFile(path: path).text()) }
    return nil
  }
}
