internal import SystemCalls
package import TraceFormat
internal import TraceModel

/// A capture that this tool recorded: its events, and the journal of what its session was told besides.
package struct JournaledCapture: ~Copyable {
  package var reader: StreamReader<TurnedPages<RecordedPages>>
  private var journal: JournalReader<RecordedPages>
  /// What the journal says before anything was recorded.
  package let start: JournalStart
  /// The names of tasks that the recording ends with.
  package let taskNames: [Int32: String]
  /// The recorded kernel's functions, as /proc/kallsyms had them.
  package let kallsyms: [UInt8]
  /// Whether the recording was ended by something that its recorder could not help, as a full disk.
  package let isUnfinished: Bool
  private let directory: String
  private let formats: [EventName: EventFormat]

  /// Opens the recording in a directory, or a trace.dat; nil where it is not one of this tool's.
  package static func open(_ path: String) throws(TraceFileError) -> JournaledCapture? {
    let candidates = [
      (path, false), ("\(path)/\(RecordingNames.recording)", false), ("\(path)/\(RecordingNames.head)", true),
    ]
    if PerfFile.isPerfFile(path) { return nil }
    for (candidate, isUnfinished) in candidates where (try? RecordedFile(path: candidate)) != nil {
      let file = try TraceDatFile.open(candidate)
      guard file.buffers.contains(where: { $0.name == RecordingNames.journal }) || isUnfinished else { return nil }
      let directory = candidate == path ? (path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ".") : path
      return try JournaledCapture(file, directory, isUnfinished: isUnfinished)
    }
    return nil
  }

  private init(
    _ file: borrowing TraceDatFile, _ directory: String, isUnfinished: Bool
  ) throws(TraceFileError) {
    let path = file.path
    let places = try JournaledPlaces(file, in: directory)
    let layout: PageLayout
    let texts: TextRecords
    var formats: [EventName: EventFormat] = [:]
    do {
      layout = try PageLayout(headerPage: file.headerPage)
      for (name, text) in file.formats { formats[name] = try EventFormat.parse(text) }
      guard let format = formats[NoteFormat.name] else {
        throw TraceFileError(.malformed, path, "has no format of its journal's notes")
      }
      texts = try TextRecords(format, layout: layout)
    } catch { throw error as? TraceFileError ?? TraceFileError(.malformed, path, "\(error)") }
    let nothing = PageDecoder(layout: layout, table: EventTable())
    var journal = JournalReader(
      try RecordedPages(places.plan([RecordedStreamName(buffer: RecordingNames.journal, cpu: 0)])) { _ in nothing },
      texts)
    guard let first = journal.next() else { throw TraceFileError(.malformed, path, "its journal is empty") }
    let start = try JournalStart(first, path)
    let decoders = try JournaledDecoders(start, formats, layout, path)
    let pages = try RecordedPages(places.plan(start.streams)) { decoders[$0.buffer] }
    kallsyms = try file.kallsyms()
    reader = StreamReader(TurnedPages(pages))
    self.journal = journal
    self.start = start
    taskNames = file.commands
    self.isUnfinished = isUnfinished
    self.directory = directory
    self.formats = formats
  }

  /// What was noted next: the session's beginning, and then turn by turn; nil behind the last turn.
  package mutating func nextPhase() -> JournalPhase? { journal.next() }

  /// The stack samples in `perf.data` beside the recording; nil where there is no such file.
  package func samples() throws(TraceFileError) -> RecordedSamples? {
    let path = "\(directory)/perf.data"
    guard SystemFiles.exists(path) else { return nil }
    return try RecordedSamples(
      path, switchID: formats[TracedEvent.contextSwitch.name]?.id, exitID: formats[TracedEvent.syscallExit.name]?.id)
  }
}
