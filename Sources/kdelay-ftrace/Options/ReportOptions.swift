internal import ArgumentParser
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

  @Flag(help: "Leave Open vSwitch's upcalls out.")
  var skipUpcallStats = false
}
