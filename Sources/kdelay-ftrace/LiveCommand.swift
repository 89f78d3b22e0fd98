internal import ArgumentParser
internal import Report

/// A live capture of its target.
struct LiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "live",
    abstract: "Capture a process live and report where its threads' time went (the default).",
    usage: "kdelay-ftrace [<options>] [-p <pid> ... | -- <command> ...]",
    discussion: """
      Examples:
        kdelay-ftrace -p 1234 --sample-time 5
            Where did the threads of process 1234 spend the next five seconds?
        kdelay-ftrace -s 1000000 -- ./program argument
            Which syscalls of this program take longer than a millisecond, and why?
        kdelay-ftrace -p 1234 --start-trigger up:fsync --stop-trigger ur:fsync
            What happens inside one call of a function?

      Triggers:
        t:SYSTEM:EVENT           a tracepoint; 't:SYSTEM:EVENT if FILTER'
        k:FUNCTION[+OFFSET]      a kernel function; kr:FUNCTION its return
        up:[PATH:]SYMBOL[+OFF]   a function of the program or a library
        ur:[PATH:]SYMBOL         its return
        u:[PATH:]PROVIDER:PROBE  a USDT probe of the program or a library

      Conditions:
        long-poll>1s             the time between two polls of a thread
        ready>10ms               a thread could run and had no CPU
        syscall>20ms             a syscall; syscall:futex>5ms one of this name
        blocked>1s               a sleep; blocked:D>1s one that no signal could end
        stopped>1s               a signal, or a tracer, kept a thread from running
        hardirq>1ms softirq>1ms  an interrupt held up a thread
        page-fault>1ms           a thread waited for its memory
        window>1s                from the start trigger to the stop trigger
        ready>1ms@worker-*       only of threads whose name matches * ? []

      Other commands (kdelay-ftrace help COMMAND):
        record    record what a report can be made of later, or elsewhere
        report    report on a recording, of this tool, trace-cmd, or perf
        list      list what can be a trigger
        doctor    say what this machine offers, and what was left behind on it
        schema    print the JSON Schema of the JSON report
      """)

  @OptionGroup var capture: CaptureOptions
  @OptionGroup(title: "Report") var report: ReportOptions

  @Option(
    help: ArgumentHelp("Make a recording of the same in this new directory; see `record`.", valueName: "dir"))
  var record: String?

  func run() throws {
    ReaderPriority.raise()
    let signals = Signals()
    let reporter = try report.reporter(capture.syscalls)
    do {
      for warning in report.warnings(capture.syscalls) { Failure.say("warning: \(warning)") }
      let session = try LiveSession.prepare(
        capture, signals, reporter, recording: record.map { RecordingRequest(directory: $0, isReported: true) })
      try session.run()
    } catch {
      reporter.abandon()
      throw error
    }
  }
}
