internal import ArgumentParser
internal import Report
internal import TraceSource

/// The command that lists what can be a trigger.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List what can be a trigger, as --start-trigger and --stop-trigger take it.",
    discussion: """
      Without -p: tracepoints and functions of the kernel. With -p first the USDT probes and functions of the program
      and its libraries; a name that the compiler mangled is followed by what it stands for, after a tab.
      """)

  @Option(name: .shortAndLong, help: "List the probes and functions of this process too.")
  var pid: Int32?

  @Option(help: "Write the list in this format: text or json.")
  var format = ReportFormat.text

  @Argument(
    help: ArgumentHelp(
      "List only what this pattern of * ? [] matches: a whole trigger, one without its kind, or a bare name.",
      valueName: "glob"))
  var pattern: String?

  func run() throws {
    let code = try pid.map { try TargetProcess.find(pid: $0) }
    let (tracefs, message) = try MountedTracefs.find()
    if let message { Failure.say(message) }
    var output = try ReportOutput(path: nil)
    let filter = ListFilter(pattern)
    var lines = ""
    func print(_ entry: ListEntry) throws {
      guard filter.matches(entry) else { return }
      lines += format == .json ? entry.json : entry.text
      guard lines.utf8.count >= 1 << 16 else { return }
      try output.write(lines)
      lines = ""
    }
    if let code { try UserCatalogue(code, filter).forEach(print) }
    try KernelCatalogue(tracefs, filter).forEach(print)
    try output.write(lines)
  }
}
