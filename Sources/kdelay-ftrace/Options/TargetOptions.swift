internal import ArgumentParser
internal import TraceSource

/// What is watched.
struct TargetOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: "Watch this process; may be given several times. Without a target, ovs-vswitchd is watched.")
  var pid: [Int32] = []

  @Flag(
    help: ArgumentHelp("Watch the target's child processes too, those that come later included."))
  var children = false

  @Option(
    help: ArgumentHelp(
      "Watch the processes of this control group, those that come later included.", valueName: "path"))
  var cgroup: String?

  @Option(
    help: ArgumentHelp(
      "Watch the processes whose name matches this pattern of * ? [], those that come later included.",
      valueName: "glob"))
  var name: String?

  @Argument(
    parsing: .postTerminator,
    help: "Start this command and watch it from its first instruction to its end.")
  var command: [String] = []

  func validate() throws {
    if let wrong = pid.first(where: { $0 <= 0 }) {
      throw ValidationError("-p must be a process id above 0, not \(wrong)")
    }
    if cgroup?.isEmpty == true { throw ValidationError("--cgroup must be the path of a control group, not empty") }
    if name?.isEmpty == true { throw ValidationError("--name must be a pattern for names, not empty") }
    guard !command.isEmpty else { return }
    let others = [("-p PID", !pid.isEmpty), ("--cgroup PATH", cgroup != nil), ("--name GLOB", name != nil)]
    if let other = others.first(where: \.1)?.0 {
      throw ValidationError("give either \(other) or -- COMMAND, not both")
    }
  }

  /// The processes that these options select.
  var selection: TargetSelection {
    TargetSelection(
      pids: pid, names: name.map { [$0] } ?? [], cgroups: cgroup.map { [$0] } ?? [], children: children)
  }
}
