internal import ArgumentParser
internal import Glibc
internal import TraceSource

/// What this machine offers, and what a killed tool left on it.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Say what this machine offers, what is lost without what it lacks, and what was left behind.")

  @Flag(help: "Remove the tracing instances and probes that killed runs left behind.")
  var clean = false

  func run() throws {
    let (tracefs, message) = try MountedTracefs.find()
    var output = try ReportOutput(path: nil)
    try output.write(line(.ok, "tracefs on \(tracefs.root)\(message == nil ? "" : " (mounted just now)")"))
    let findings = MachineSurvey(tracefs).findings()
    for finding in findings {
      let loss = finding.status == .ok ? "" : "; lost: \(finding.loss)"
      try output.write(line(finding.status, finding.subject + loss))
    }
    try output.write(try leftovers(tracefs))
    if let blocker = findings.first(where: { $0.isEssential && $0.status != .ok }) {
      throw ToolError(
        status: blocker.status == .notPermitted ? .notPermitted : .refused,
        what: "this machine cannot be used for capturing: \(blocker.subject)",
        remedy: "provide what is listed above as \(blocker.status.rawValue)")
    }
  }

  private func line(_ status: Finding.Status, _ text: String) -> String {
    let word = status.rawValue
    return word + String(repeating: " ", count: 15 - word.count) + text + "\n"
  }

  private func leftovers(_ tracefs: MountedTracefs) throws -> String {
    let stale = clean ? try Leftovers.remove(tracefs) : try Leftovers.list(tracefs)
    if stale.isEmpty { return line(.ok, "nothing left behind by killed runs") }
    return stale.map {
      clean ? "removed        \($0)\n" : "stale          \($0); remove with `kdelay-ftrace doctor --clean`\n"
    }
    .joined()
  }
}
