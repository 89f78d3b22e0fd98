internal import Aggregator
internal import ArgumentParser
internal import Report
internal import TraceSource

/// Which report format is written.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json

  var renderer: any Renderer {
    switch self {
    case .text: TextRenderer()
    case .json: JSONRenderer()
    }
  }
}

/// A live capture of one process.
struct LiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "live",
    abstract: "Capture a process live and report where its threads' time went (the default).",
    usage: "kdelay-ftrace [<options>] [-p <pid> | -- <command> ...]",
    discussion: """
      Without a pid or a command, the only process whose name contains 'ovs-vswitchd' is watched.

      Triggers:
        t:SYSTEM:EVENT           a tracepoint; 't:SYSTEM:EVENT if FILTER'
        k:FUNCTION[+OFFSET]      a kernel function; kr:FUNCTION its return
        up:[PATH:]SYMBOL[+OFF]   a function of the program or a library
        ur:[PATH:]SYMBOL         its return
        u:[PATH:]PROVIDER:PROBE  a USDT probe of the program or a library

      Other commands (kdelay-ftrace help COMMAND):
        list      list what can be a trigger
        doctor    say what this machine offers, and what was left behind on it
        schema    print the JSON Schema of the JSON report
      """)

  @Option(name: .shortAndLong, help: "Process to watch.")
  var pid: Int32?

  @Option(help: ArgumentHelp("Length of a sample (default: 0.5; with a command: until it ends).", valueName: "seconds"))
  var sampleTime: Double?

  @Option(help: ArgumentHelp("Samples to report.", valueName: "runs"))
  var sampleCount = 1

  @Option(help: ArgumentHelp("Pause between samples.", valueName: "seconds"))
  var sampleInterval = 0.0

  @Option(help: ArgumentHelp("What opens a window (default: the time).", valueName: "trigger"))
  var startTrigger: String?

  @Option(help: ArgumentHelp("What closes a window (default: the sample time).", valueName: "trigger"))
  var stopTrigger: String?

  @Option(
    defaultAsFlag: 0,
    help: ArgumentHelp("Report only windows at least this long that a trigger closed.", valueName: "ns"))
  var triggerDelta: UInt64?

  @Option(
    name: [.customShort("s"), .long], defaultAsFlag: 0,
    help: ArgumentHelp(
      "Report each syscall longer than this; without a value, all. Needs --stack-trace-size 0 in this version.",
      valueName: "ns"))
  var syscallEvents: UInt64?

  @Flag(help: "Leave poll out of those.")
  var skipSyscallPollEvents = false

  @Option(help: ArgumentHelp("Most unique stacks kept per sample; only 0, none, in this version.", valueName: "n"))
  var stackTraceSize: Int?

  @Flag(help: "Leave Open vSwitch's upcalls out.")
  var skipUpcallStats = false

  @Option(
    help: ArgumentHelp(
      "Kernel buffer per CPU in pages of 4 KiB, rounded up to a power of two (default: 8192, less where memory is short).",
      valueName: "n"))
  var bufferPageCount: Int?

  @Option(help: "Report format: text or json.")
  var format = ReportFormat.text

  @Option(name: .shortAndLong, help: ArgumentHelp("Write the report there instead of to stdout.", valueName: "file"))
  var output: String?

  @Flag(name: [.customShort("D"), .long], help: "Say what is written to tracefs and what was detected.")
  var debug = false

  @Argument(parsing: .postTerminator, help: "Command to start and watch from its first instruction to its end.")
  var command: [String] = []

  /// Longest time that is taken for meant, s: a year.
  private static let longest = 366.0 * 86400

  func validate() throws {
    // Events without their stacks are told only to who asks for just that.
    if syscallEvents != nil || stackTraceSize != nil, stackTraceSize != 0 {
      throw ValidationError("stacks are not available in this version: -s/--syscall-events needs --stack-trace-size 0")
    }
    if skipSyscallPollEvents, syscallEvents == nil {
      throw ValidationError("--skip-syscall-poll-events needs -s/--syscall-events")
    }
    if pid != nil, !command.isEmpty { throw ValidationError("give either -p PID or -- COMMAND, not both") }
    if let pid, pid <= 0 { throw ValidationError("-p must be a process id above 0, not \(pid)") }
    if let sampleTime, !(sampleTime >= 1e-9 && sampleTime <= Self.longest) {
      throw ValidationError("--sample-time must be a nanosecond to a year, in seconds, not \(sampleTime)")
    }
    if sampleCount < 1 { throw ValidationError("--sample-count must be at least 1, not \(sampleCount)") }
    if !(sampleInterval >= 0 && sampleInterval <= Self.longest) {
      throw ValidationError("--sample-interval must be 0 to a year, in seconds, not \(sampleInterval)")
    }
    // 2^28 pages are a terabyte per CPU.
    if let pages = bufferPageCount, !(1...(1 << 28)).contains(pages) {
      throw ValidationError("--buffer-page-count must be 1 to 268435456, not \(pages)")
    }
  }

  /// The syscalls that are reported one by one.
  var syscallEventFilter: SyscallEventFilter? {
    syscallEvents.map { SyscallEventFilter(threshold: $0 == 0 ? nil : $0, skipsPoll: skipSyscallPollEvents) }
  }

  func run() throws {
    let signals = Signals()
    let reporter = Reporter(format.renderer, try ReportOutput(path: output))
    do {
      let session = try LiveSession.prepare(self, signals, reporter)
      try session.run()
    } catch {
      reporter.abandon()
      throw error
    }
  }
}
