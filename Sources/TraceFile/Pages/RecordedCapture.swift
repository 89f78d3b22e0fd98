internal import SystemCalls
package import TraceFormat
package import TraceModel

/// A capture that was recorded: the reader of its events, by the same rules as those of a live one.
package struct RecordedCapture: ~Copyable {
  package var reader: StreamReader<RecordedPages>
  /// The time of the recording's first page, ns.
  package let begin: UInt64

  private let recording: Recording

  /// What the recording lacks, and what a report lacks for it, a sentence each. `tasks`: what its events say.
  package func lacks(_ tasks: RecordedTasks) -> [String] { recording.lacks(tasks) }
  /// The numbering of the syscalls of the machine's own programs; nil where the recording does not say what machine it was.
  package var abi: SyscallABI? { recording.formats.abi }
  /// The clock of the times, as tracefs names it ("mono"); nil where nothing tells.
  package var clock: String? { recording.clock }
  /// Whether it is a file of another tool, and no raw pages.
  package var isOfOtherTool: Bool { recording.kind != .rawPages }
  /// Whether the recording was cut, and where.
  package var end: TraceDatFile.End { recording.end }

  /// Opens a recording: a trace.dat, a directory that holds one of this name, or a directory of raw pages, `cpuN.raw`.
  ///
  /// What the kernel says of raw pages is in `formats`, by default beside them or in the directory above: `header_page`, and each
  /// event's format as `formats/SYSTEM.EVENT`, or as tracefs has them below `events`, `SYSTEM/EVENT/format`. `pageSize`: bytes of a
  /// sub-buffer of raw pages; by default what `header_page` says. `instance`: the buffer of a trace.dat that is meant, "top" for the
  /// top one; by default all of them.
  package static func open(
    _ path: String, formats: String? = nil, pageSize: Int? = nil, instance: String? = nil
  ) throws(TraceFileError) -> RecordedCapture {
    let candidates = [path, "\(path)/trace.dat"]
    if PerfFile.isPerfFile(path) {
      return try RecordedCapture(Recording(perfData: PerfFile.open(path), named: path))
    }
    for candidate in candidates where isTraceDat(candidate) {
      let file = try TraceDatFile.open(candidate)
      return try RecordedCapture(Recording(traceDat: file, named: path, instance: instance))
    }
    let samples = "\(path)/perf.data"
    if PerfFile.isPerfFile(samples), !PagePlan.hasRawPages(path) {
      return try RecordedCapture(Recording(perfData: PerfFile.open(samples), named: path))
    }
    return try RecordedCapture(Recording(rawPages: path, formats: formats, pageSize: pageSize))
  }

  /// Whether there is a regular file. One that is no trace.dat is told so, rather than taken for something else.
  private static func isTraceDat(_ path: String) -> Bool { (try? RecordedFile(path: path)) != nil }

  private init(_ recording: Recording) throws(TraceFileError) {
    let pages = try Self.pages(recording)
    begin = try pages.begin()
    reader = StreamReader(pages, begin: begin)
    self.recording = recording
  }

  private static func pages(_ recording: Recording, namesTasks: Bool = false) throws(TraceFileError) -> RecordedPages {
    let decoder: PageDecoder
    do { decoder = try recording.formats.decoder(namesTasks: namesTasks) } catch {
      throw TraceFileError(.malformed, recording.path, "\(error)")
    }
    return try RecordedPages(recording.plan, translator: recording.formats.translator) { _ in decoder }
  }

  /// The stack samples in `perf.data` of a directory beside the pages, or where that is all there is; nil where there are none.
  package func samples() throws(TraceFileError) -> RecordedSamples? {
    let formats = recording.formats.formats
    let (switchID, exitID) = (formats[.contextSwitch]?.id, formats[.syscallExit]?.id)
    if case .perfData(let path) = recording.kind {
      return try RecordedSamples(path, switchID: switchID, exitID: exitID, isAlone: true)
    }
    let path = "\(recording.path)/perf.data"
    guard SystemFiles.exists(path) else { return nil }
    return try RecordedSamples(path, switchID: switchID, exitID: exitID)
  }

  /// The recorded kernel's functions, as /proc/kallsyms had them: those that a trace.dat holds, or `kallsyms` beside raw pages;
  /// empty where that is missing.
  package var kallsyms: [UInt8] {
    switch recording.kind {
    case .rawPages: (try? SystemFiles.readBytes("\(recording.path)/kallsyms")) ?? []
    case .traceDat(let path): (try? TraceDatFile.open(path).kallsyms()) ?? []
    case .perfData: []
    }
  }

  /// Reads the whole recording once more, for what it says of its tasks; there is at least one.
  package func tasks() throws(TraceFileError) -> RecordedTasks {
    var tasks = RecordedTasks()
    var (names, undecodable, events) = (NameTable(), 0, 0)
    var pages = try Self.pages(recording, namesTasks: true)
    // Nothing that is looked for depends on the order of the streams' events.
    var scratch = FlatArray<Event>(capacity: 1 << 13)
    let stacks = KernelStackTable()
    for (position, stream) in pages.streams.enumerated() {
      let cpu = UInt16(truncatingIfNeeded: stream.cpu)
      while let page = pages.next(position) {
        scratch.removeAll()
        let summary = stream.decoder.decode(page, cpu: cpu, lastKnown: 0, into: &scratch, names: &names, stacks: stacks)
        tasks.take(scratch.elements, of: stream.buffer)
        tasks.takeNames(names)
        undecodable += summary.undecodable
        events += summary.events
      }
    }
    if let failure = pages.failure { throw failure }
    tasks.isCut = !pages.cutStreams.isEmpty
    try require(tasks, events, undecodable: undecodable)
    tasks.addNames(recording.commands)
    tasks.addProcesses(recording)
    return tasks
  }

  /// Records that no format fits are counted, and reported as undecodable. Where there are no tasks besides, the formats may be of
  /// another kernel.
  private func require(_ tasks: RecordedTasks, _ events: Int, undecodable: Int) throws(TraceFileError) {
    let path = recording.path
    if let (kind, buffers) = tasks.sharing {
      let event = TracedEvent.allCases.first { $0.reading.kind == kind }.map { "\($0.name)" } ?? "an event"
      throw TraceFileError(
        .unsupported, path, "several of its instances have \(event), which would count twice",
        remedy: "name one with --instance: \(buffers.map { $0.isEmpty ? "top" : $0 }.joined(separator: ", "))")
    }
    guard tasks.all.isEmpty else { return }
    if events + undecodable == 0 { throw TraceFileError(.malformed, path, "has no events") }
    throw TraceFileError(
      .malformed, path,
      "has neither syscalls nor switches; \(undecodable) of its \(events + undecodable) records fit no format",
      remedy:
        "record raw_syscalls and sched:sched_switch of the process; if they were recorded, the formats are of another kernel"
    )
  }
}
