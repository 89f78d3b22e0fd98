internal import ArgumentParser
internal import TraceFile

/// The report of a recording.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Report on a recording, without root and without tracefs.",
    discussion: """
      A recording is a directory that `record` or --record has made, and the report is
      what a capture with the same options would have printed. Other windows, thresholds
      and formats can be asked for.

      Files of other tools are read too: trace.dat of `trace-cmd record -C mono -e
      raw_syscalls -e sched -e irq`, and perf.data. They have one window, from the first
      event to the last. Slow syscalls (-s) have stacks where there is a perf.data of the
      same time, recorded with
      `perf record -k mono --call-graph dwarf -e sched:sched_switch,task-clock:k`.

      Example:
        kdelay-ftrace report -i recording --format json
      """)

  @Option(name: .shortAndLong, help: ArgumentHelp("Read this recording: a directory, or a file.", valueName: "path"))
  var input: String

  @Flag(help: "Report one window, from the beginning of the recording to its end.")
  var whole = false

  @OptionGroup(title: "Target") var target: RecordedTargetOptions
  @OptionGroup(title: "Windows") var windows: WindowOptions
  @OptionGroup(title: "Windows of what has happened") var conditions: ConditionOptions
  @OptionGroup(title: "Slow syscalls and stacks") var syscalls: SyscallOptions
  @OptionGroup(title: "Report") var report: ReportOptions

  func run() throws {
    let signals = Signals()
    let reporter = try report.reporter(syscalls)
    do {
      for warning in report.warnings(syscalls) { Failure.say("warning: \(warning)") }
      try reporter.finish(signals, after: try read(signals, reporter))
    } catch {
      reporter.abandon()
      throw error
    }
  }

  /// Hands the recording's windows to the reporter, those of several segments one after the other; returns how many signals have come
  /// meanwhile.
  private func read(_ signals: borrowing Signals, _ reporter: Reporter) throws -> Int {
    if let capture = try JournaledCapture.open(input) { return try report(capture, signals, reporter) }
    let segments = RecordingSegments.paths(in: input)
    if segments.isEmpty { return try reportForeign(signals, reporter) }
    for segment in segments {
      guard let capture = try JournaledCapture.open(segment) else { continue }
      let interruptions = try report(capture, signals, reporter)
      if interruptions > 0 { return interruptions }
    }
    return 0
  }
}
