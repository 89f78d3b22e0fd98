internal import Session

extension CaptureOptions {
  /// The arguments of a recording that begins while its command runs already: one window to its end.
  static func withoutCommand(_ arguments: [String]) -> [String] {
    guard let command = arguments.firstIndex(of: "--") else { return arguments }
    let own = Array(arguments[..<command])
    return own.contains { $0.hasPrefix("--sample-time=") } ? own : own + ["--sample-time=\(WindowOptions.longest)"]
  }

  /// The options that a report of this capture depends on, as a command line has them. A recording keeps them: they are what its
  /// report is asked for by default.
  var recordedArguments: [String] {
    var arguments: [String] = []
    func add(_ option: String, _ value: (some CustomStringConvertible)?) {
      // Joined, since a value can begin with a dash.
      if let value { arguments.append("\(option)=\(value)") }
    }
    func add(_ flag: String, _ isGiven: Bool) { if isGiven { arguments.append(flag) } }
    add("--sample-time", windows.sampleTime)
    add("--sample-count", windows.sampleCount)
    add("--sample-interval", windows.sampleInterval)
    add("--start-trigger", windows.startTrigger)
    add("--stop-trigger", windows.stopTrigger)
    add("--trigger-delta", windows.triggerDelta)
    add("--look-back", windows.lookBack)
    for condition in conditions.when { add("--when", condition) }
    add("--before", conditions.before)
    add("--after", conditions.after)
    add("--look-back-size", conditions.lookBackSize)
    add("--syscall-events", syscalls.syscallEvents)
    add("--skip-syscall-poll-events", syscalls.skipSyscallPollEvents)
    add("--user-stacks", syscalls.userStacks.rawValue)
    add("--no-kernel-stacks", !syscalls.kernelStacks)
    add("--stack-trace-size", syscalls.stackTraceSize)
    add("--stack-dump-size", syscalls.stackDumpSize)
    add("--max-stack", syscalls.maxStack)
    add("--skip-upcall-stats", machine.skipUpcallStats)
    add("--blame", machine.blame)
    add("--children", targets.children)
    add("--cgroup", targets.cgroup)
    add("--name", targets.name)
    return targets.command.isEmpty ? arguments : arguments + ["--"] + targets.command
  }
}
