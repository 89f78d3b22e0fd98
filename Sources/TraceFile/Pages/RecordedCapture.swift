internal import SystemCalls
package import TraceFormat
package import TraceModel

/// A capture that was recorded as raw pages: the reader of its events, by the same rules as those of a live one.
package struct RecordedCapture: ~Copyable {
  package var reader: StreamReader<RecordedPages>
  /// The time of the recording's first page, ns.
  package let begin: UInt64
  /// The tracepoints that were not recorded, as far as formats tell.
  package let missingEvents: [TracedEvent]
  /// The numbering of the syscalls of the machine's own programs; nil where the recording does not say what machine it was.
  package let abi: SyscallABI?

  private let directory: String
  private let formats: RecordedFormats
  private let pageSize: Int

  /// Opens the pages in `directory`, `cpuN.raw`. What the kernel says of them is in `formats`, by default there too or in the
  /// directory above: `header_page`, and each event's format as `formats/SYSTEM.EVENT`, or as tracefs has them below `events`,
  /// `SYSTEM/EVENT/format`. `pageSize`: bytes of a sub-buffer; by default what `header_page` says.
  package static func open(
    _ directory: String, formats: String? = nil, pageSize: Int? = nil
  ) throws(TraceFileError) -> RecordedCapture {
    try RecordedPages.requireDirectory(directory)
    let found = try RecordedFormats(formats.map { [$0] } ?? [directory, "\(directory)/.."])
    return try RecordedCapture(directory, found, pageSize: pageSize ?? found.layout.pageSize)
  }

  private init(_ directory: String, _ formats: RecordedFormats, pageSize: Int) throws(TraceFileError) {
    let pages = try Self.pages(directory, formats, pageSize)
    begin = try pages.begin()
    reader = StreamReader(pages, begin: begin)
    missingEvents = TracedEvent.allCases.filter { formats.formats[$0] == nil }
    abi = formats.abi
    self.directory = directory
    self.formats = formats
    self.pageSize = pageSize
  }

  private static func pages(
    _ directory: String, _ formats: RecordedFormats, _ pageSize: Int, namesTasks: Bool = false
  ) throws(TraceFileError) -> RecordedPages {
    let decoder: PageDecoder
    do { decoder = try formats.decoder(namesTasks: namesTasks) } catch {
      throw TraceFileError(.malformed, directory, "\(error)")
    }
    return try RecordedPages(directory: directory, pageSize: pageSize, decoder: decoder)
  }

  /// The stack samples in `perf.data` beside the pages; nil where there is no such file.
  package func samples() throws(TraceFileError) -> RecordedSamples? {
    let path = "\(directory)/perf.data"
    guard SystemFiles.exists(path) else { return nil }
    return try RecordedSamples(
      path, switchID: formats.formats[.contextSwitch]?.id, exitID: formats.formats[.syscallExit]?.id)
  }

  /// The recorded kernel's functions, as /proc/kallsyms had them, in `kallsyms` beside the pages; empty where that is missing.
  package var kallsyms: [UInt8] { (try? SystemFiles.readBytes("\(directory)/kallsyms")) ?? [] }

  /// Reads the whole recording once more, for what it says of its tasks; there is at least one caller.
  package func tasks() throws(TraceFileError) -> RecordedTasks {
    var reader = StreamReader(try Self.pages(directory, formats, pageSize, namesTasks: true), begin: begin)
    var tasks = RecordedTasks()
    var isAtEnd = false
    while !isAtEnd {
      let (complete, wasBusy) = reader.drain(now: .max)
      _ = reader.release(before: complete) { run in
        for event in run { tasks.take(event) }
        return (run.count, false)
      }
      tasks.takeNames(reader.names)
      isAtEnd = !wasBusy
    }
    if let failure = reader.source.failure { throw failure }
    try requireCallers(tasks, reader.eventsRead, undecodable: reader.loss.undecodable)
    return tasks
  }

  /// Records that no format fits are counted, and reported as undecodable. Where there is no syscall besides, the formats may be
  /// of another kernel.
  private func requireCallers(_ tasks: RecordedTasks, _ events: UInt64, undecodable: UInt64) throws(TraceFileError) {
    guard tasks.callers.isEmpty else { return }
    let count = events + undecodable
    if count == 0 { throw TraceFileError(.malformed, directory, "has no events") }
    throw TraceFileError(
      .malformed, directory, "has no raw_syscalls:sys_enter; \(undecodable) of its \(count) records fit no format",
      remedy: "record that event of the process; if it was recorded, the formats beside the pages are of another kernel"
    )
  }
}
