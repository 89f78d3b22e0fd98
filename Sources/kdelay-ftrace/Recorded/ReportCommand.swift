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
      let interruptions =
        if let capture = try JournaledCapture.open(input) {
          try report(capture, signals, reporter)
        } else {
          try reportForeign(signals, reporter)
        }
      try reporter.finish(signals, after: interruptions)
    } catch {
      reporter.abandon()
      throw error
    }
  }
}
