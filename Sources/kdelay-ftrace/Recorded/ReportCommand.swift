internal import ArgumentParser
internal import Report
internal import Session
internal import TraceFile
internal import TraceFormat
internal import TraceModel

/// The report of a recording.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Report on a recording, without root and without tracefs.",
    discussion: """
      A recording is a directory with the raw pages of a ring buffer: cpuN.raw of
      each CPU, as per_cpu/cpuN/trace_pipe_raw gave them, and the kernel's
      header_page and formats beside them or in the directory above. The report is
      one window, from the first event to the last; with --when it is a window of
      each interval that is meant. Slow syscalls (-s) have stacks
      where there is a perf.data of the same time, recorded with
      `perf record -k mono --call-graph dwarf -e sched:sched_switch,task-clock:k`.

      Example:
        kdelay-ftrace report -i recording --format json
      """)

  @Option(name: .shortAndLong, help: ArgumentHelp("Read the recording in this directory.", valueName: "dir"))
  var input: String

  @OptionGroup(title: "Windows of what has happened") var conditions: ConditionOptions
  @OptionGroup(title: "Slow syscalls and stacks") var syscalls: SyscallOptions
  @OptionGroup(title: "Report") var report: ReportOptions

  func validate() throws {
    if let window = try conditions.conditions().first(where: { $0.kind == .window }) {
      throw ValidationError("the condition '\(window.text)' needs triggers, which a recording has none of")
    }
    if conditions.after > 0, conditions.when.isEmpty {
      throw ValidationError("--after needs something to come after: add --when CONDITION")
    }
  }

  func run() throws {
    let signals = Signals()
    let reporter = try report.reporter(syscalls)
    do {
      let interruptions = try read(signals, reporter)
      try reporter.finish(signals, after: interruptions)
    } catch {
      reporter.abandon()
      throw error
    }
  }

  /// Hands the recording's windows to the reporter; returns how many signals have come meanwhile.
  private func read(_ signals: borrowing Signals, _ reporter: Reporter) throws -> Int {
    for warning in report.warnings(syscalls) { Failure.say("warning: \(warning)") }
    let capture = try RecordedCapture.open(input)
    for event in capture.missingEvents {
      Failure.say("warning: the recording has no format of \(event.name), which tells of \(event.purpose)")
    }
    if capture.abi == nil {
      Failure.say(
        "warning: the recording does not say what machine it is from (a file 'kernel' with the words of `uname -a`): "
          + "syscalls have this machine's names")
    }
    let facts = RecordedFacts(try capture.tasks(), begin: capture.begin)
    let settings = try settings(facts, capture.abi)
    reporter.start(
      ReportHeader(
        targets: settings.targets, clock: facts.clock))
    var stacks: RecordedStacks?
    if settings.stacks != nil, let samples = try capture.samples() {
      stacks = RecordedStacks(samples, kallsyms: capture.kallsyms)
    }
    var session = RecordedSession(capture, settings, facts, stacks)
    var interruptions = 0
    try session.run { () -> Bool in
      interruptions += signals.take()
      return interruptions > 0
    } report: { result, stacks throws(ToolError) in
      try reporter.report(result, stacks)
    }
    return interruptions
  }

  /// One window of the process that was recorded.
  private func settings(_ facts: RecordedFacts, _ abi: SyscallABI?) throws -> SessionSettings {
    var settings = SessionSettings(targets: [NamedProcess(pid: facts.process, name: facts.processName)])
    settings.slowSyscalls = syscalls.filter
    settings.stacks = syscalls.stacks
    if let abi { settings.abi = abi }
    try conditions.apply(to: &settings)
    if settings.looksBack { settings.count = .max }
    return settings
  }
}
