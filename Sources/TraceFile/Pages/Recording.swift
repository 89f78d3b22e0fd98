internal import Glibc
internal import SystemCalls
internal import TraceFormat

/// The pages of a recording and what is known of them, before any of them is read.
struct Recording: Sendable {
  /// What it was made of, which decides where the rest is.
  enum Kind: Sendable, Equatable {
    /// A directory of raw pages.
    case rawPages
    /// A trace.dat at this path.
    case traceDat(String)
    /// A perf.data at this path, alone.
    case perfData(String)
  }

  let kind: Kind
  /// What the operator named.
  let path: String
  let formats: RecordedFormats
  let plan: PagePlan
  /// The clock of the pages' times, as tracefs names it; nil where nothing tells.
  let clock: String?
  /// Whether it was cut, and where.
  let end: TraceDatFile.End
  /// The names of tasks that the kernel remembered at the end.
  let commands: [Int32: String]
  /// The threads of each process that were there when the recording began, as far as anything tells.
  private(set) var earlierThreads: [Int32: [Int32]] = [:]
  /// The processes whose own events alone were recorded; empty where it was the whole machine, and where nothing tells.
  private(set) var sampledProcesses: Set<Int32> = []

  /// The raw pages in a directory; see `RecordedCapture.open`.
  init(rawPages directory: String, formats: String?, pageSize: Int?) throws(TraceFileError) {
    try PagePlan.names(in: directory)
    self.formats = try RecordedFormats(formats.map { [$0] } ?? [directory, "\(directory)/.."])
    plan = try .rawPages(in: directory, pageSize: pageSize ?? self.formats.layout.pageSize)
    kind = .rawPages
    path = directory
    clock = nil
    end = .complete
    commands = [:]
  }

  /// A trace.dat. `named`: what the operator named. `instance`: the buffer that is meant, "top" for the top one; nil: all of them.
  init(traceDat file: borrowing TraceDatFile, named path: String, instance: String?) throws(TraceFileError) {
    formats = try RecordedFormats(file)
    let buffers = try Self.buffers(file, instance)
    clock = try Self.clock(of: buffers, file.path)
    plan = try file.plan(buffers.map { ($0, .data) })
    kind = .traceDat(file.path)
    self.path = path
    end = file.end
    commands = file.commands
  }

  /// A perf.data whose tracepoint samples are the events. `named`: what the operator named.
  init(perfData file: consuming PerfFile, named path: String) throws(TraceFileError) {
    let tasks = try PerfTasks(&file)
    var texts = try Self.formatTexts(of: file)
    let taskEvents = PerfTaskEvents(besides: texts, tasks)
    texts.merge(taskEvents.texts) { known, _ in known }
    formats = try RecordedFormats(perfData: file, texts)
    let records = PerfEventRecords(file, taskEvents)
    commands = tasks.firstNames
    earlierThreads = tasks.earlierThreads
    sampledProcesses = tasks.areOfMachine || file.sampledProcesses.contains(0) ? [] : file.sampledProcesses
    guard !records.cpus.isEmpty else {
      throw TraceFileError(
        .unsupported, file.path, "has no tracepoints' samples that tell of their CPU",
        remedy: "record with `perf record -k mono -a -e sched:sched_switch`")
    }
    plan = PagePlan(paths: [file.path], streams: records.streams(inFile: 0))
    kind = .perfData(file.path)
    self.path = path
    clock = file.events.allSatisfy { $0.clock == CLOCK_MONOTONIC } ? "mono" : nil
    end =
      switch file.end {
      case .complete: .complete
      case .cut, .unfinished: .cut("within its records")
      case .malformed(let offset): .cut("at byte \(offset), where no record can be")
      }
  }

  private static func formatTexts(of file: borrowing PerfFile) throws(TraceFileError) -> [EventName: String] {
    if let texts = try file.tracepointFormats() { return texts }
    throw TraceFileError(
      .malformed, file.path,
      file.end == .complete
        ? "has no tracepoints" : "was cut: the formats of its tracepoints, which stand at its end, are missing",
      remedy: "record with `perf record -k mono -e sched:sched_switch`, and let it end by itself or by Ctrl-C")
  }

  private static func buffers(
    _ file: borrowing TraceDatFile, _ instance: String?
  ) throws(TraceFileError) -> [TraceDatBuffer] {
    let all = file.buffers
    guard !all.isEmpty else {
      throw TraceFileError(
        .malformed, file.path, "was cut before it says where its records are: they cannot be told apart",
        remedy: "if files trace.dat.cpuN are left beside it, `trace-cmd restore` makes a new one of them")
    }
    guard let instance else { return all }
    let found = all.filter { $0.name == instance || $0.name.isEmpty && instance == "top" }
    guard !found.isEmpty else {
      throw TraceFileError(
        .malformed, file.path, "has no instance '\(instance)', but \(names(all))",
        remedy: "name one of these with --instance, or leave it out")
    }
    return found
  }

  private static func names(_ buffers: [TraceDatBuffer]) -> String {
    buffers.map { $0.name.isEmpty ? "top" : $0.name }.joined(separator: ", ")
  }

  /// The clock of all these buffers.
  private static func clock(of buffers: [TraceDatBuffer], _ path: String) throws(TraceFileError) -> String? {
    let clocks = Set(buffers.filter { !$0.data.isEmpty }.map(\.clock))
    guard clocks.count <= 1 else {
      throw TraceFileError(
        .unsupported, path, "its instances have different clocks: \(clocks.sorted().joined(separator: ", "))",
        remedy: "name one with --instance: \(names(buffers))")
    }
    guard let clock = clocks.first, !clock.isEmpty else { return nil }
    guard !["counter", "uptime", "x86-tsc", "ppc-tb"].contains(clock) else {
      throw TraceFileError(
        .unsupported, path, "its times are of the clock '\(clock)', and no nanoseconds",
        remedy: "record with `trace-cmd record -C mono`")
    }
    return clock
  }
}
