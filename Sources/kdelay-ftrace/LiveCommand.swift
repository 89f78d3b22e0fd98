internal import Aggregator
internal import ArgumentParser
internal import Glibc
internal import Report
internal import Session
internal import TraceSource

/// Which report format is written.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json

  func renderer(_ grouping: SyscallGrouping, foldsThreads: Bool) -> any Renderer {
    switch self {
    case .text: TextRenderer(grouping: grouping, foldsThreads: foldsThreads)
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
      "Report each syscall longer than this, with its stack and what it waited for; without a value, all.",
      valueName: "ns"))
  var syscallEvents: UInt64?

  @Flag(help: "Leave poll out of those.")
  var skipSyscallPollEvents = false

  @Option(help: ArgumentHelp("Most unique stacks kept per sample; 0: no stacks.", valueName: "n"))
  var stackTraceSize = 4096

  @Option(help: ArgumentHelp("Bytes that are copied of a user stack, at most 65528.", valueName: "bytes"))
  var stackDumpSize = 8192

  @Option(help: ArgumentHelp("Most frames of a user stack.", valueName: "n"))
  var maxStack = 1024

  @Option(help: "User stacks: dwarf (unwound), fp (along frame pointers) or none.")
  var userStacks = UserStackKind.dwarf

  @Flag(inversion: .prefixedNo, help: "Kernel stacks: where syscalls block, and what they compute.")
  var kernelStacks = true

  @Flag(
    inversion: .prefixedNo,
    help: "Fold syscalls that the same user stack made (default: on a terminal, when there are more than 20).")
  var groupStacks: Bool?

  @Flag(help: "Show every thread; else a text report of more than 64 folds those of one name.")
  var allThreads = false

  @Flag(help: "Set a trigger that can harm the target.")
  var force = false

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
    if !(0...(1 << 20)).contains(stackTraceSize) {
      throw ValidationError("--stack-trace-size must be 0 to 1048576, not \(stackTraceSize)")
    }
    if !(8...65528).contains(stackDumpSize) {
      throw ValidationError("--stack-dump-size must be 8 to 65528 bytes, not \(stackDumpSize)")
    }
    if !(1...4096).contains(maxStack) { throw ValidationError("--max-stack must be 1 to 4096, not \(maxStack)") }
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

  /// nil where no stacks are shown.
  var stackOptions: StackSettings? {
    guard syscallEvents != nil, stackTraceSize > 0, userStacks != .none || kernelStacks else { return nil }
    return StackSettings(
      user: userStacks, kernel: kernelStacks, dumpSize: stackDumpSize, depth: maxStack, limit: stackTraceSize)
  }

  private var grouping: SyscallGrouping {
    if let groupStacks { return groupStacks ? .always : .never }
    return output == nil && isatty(1) != 0 ? .above(20) : .never
  }

  func run() throws {
    ReaderPriority.raise()
    let signals = Signals()
    let reporter = Reporter(format.renderer(grouping, foldsThreads: !allThreads), try ReportOutput(path: output))
    do {
      let session = try LiveSession.prepare(self, signals, reporter)
      try session.run()
    } catch {
      reporter.abandon()
      throw error
    }
  }
}
