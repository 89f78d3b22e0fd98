internal import ArgumentParser
internal import Glibc
internal import Report

/// Which report format is written.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json

  /// A renderer of this format; for the arguments see `TextRenderer`.
  func renderer(_ grouping: SyscallGrouping, foldsThreads: Bool) -> any Renderer {
    switch self {
    case .text: TextRenderer(grouping: grouping, foldsThreads: foldsThreads)
    case .json: JSONRenderer()
    }
  }
}

/// What the report looks like, and where it goes.
struct ReportOptions: ParsableArguments {
  @Option(help: "Write the report in this format: text or json.")
  var format = ReportFormat.text

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Write the report to this file instead of stdout.", valueName: "file"))
  var output: String?

  @Flag(help: "Show every thread. Else a text report of more than 64 folds those of one name.")
  var allThreads = false

  @Option(
    help: ArgumentHelp(
      "Run this command of the shell for each window, one at a time, with the window's report on its stdin.",
      valueName: "command"))
  var onWindow: String?

  @Option(help: ArgumentHelp("End such a command if it takes longer.", valueName: "seconds"))
  var onWindowTimeout = 10.0

  func validate() throws {
    if onWindow?.isEmpty == true { throw ValidationError("--on-window must be a command, not empty") }
    if !(onWindowTimeout >= 0.1 && onWindowTimeout <= 86400) {
      throw ValidationError("--on-window-timeout must be 0.1 to 86400 seconds, not \(onWindowTimeout)")
    }
  }

  /// What renders the report as it was asked for, and writes it. Opens the place where it goes.
  func reporter(_ syscalls: SyscallOptions) throws(ToolError) -> Reporter {
    Reporter(
      format.renderer(grouping(syscalls.groupStacks), foldsThreads: !allThreads), try ReportOutput(path: output),
      action: onWindow.map { WindowAction($0, seconds: onWindowTimeout) })
  }

  private func grouping(_ asked: Bool?) -> SyscallGrouping {
    if let asked { return asked ? .always : .never }
    return output == nil && isatty(1) != 0 ? .above(20) : .never
  }

  /// What is to be said of options that do nothing. kernel_delay.py takes such ones without a word; they are not refused.
  func warnings(_ syscalls: SyscallOptions) -> [String] {
    var warnings: [String] = []
    if syscalls.skipSyscallPollEvents, syscalls.syscallEvents == nil {
      warnings.append("--skip-syscall-poll-events has no effect: -s/--syscall-events is not given")
    }
    if allThreads, format != .text { warnings.append("--all-threads has no effect: only text folds threads") }
    return warnings
  }
}
