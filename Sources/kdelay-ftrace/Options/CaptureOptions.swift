internal import Aggregator
internal import ArgumentParser
internal import Session

/// What is captured, and what windows are made of it: what a report and a recording of it have in common.
struct CaptureOptions: ParsableArguments {
  @OptionGroup(title: "Target") var targets: TargetOptions
  @OptionGroup(title: "Windows") var windows: WindowOptions
  @OptionGroup(title: "Windows of what has happened") var conditions: ConditionOptions
  @OptionGroup(title: "Slow syscalls and stacks") var syscalls: SyscallOptions
  @OptionGroup(title: "Machine") var machine: MachineOptions

  func validate() throws { try validateConditions() }
}

/// The options as the capture asks for them, whatever the group that `--help` shows them in.
extension CaptureOptions {
  var command: [String] { targets.command }
  var sampleTime: Double? { windows.sampleTime }
  var sampleCount: Int { windows.sampleCount ?? (conditions.when.isEmpty ? 1 : .max) }
  var sampleInterval: Double { windows.sampleInterval ?? 0 }
  var startTrigger: String? { windows.startTrigger }
  var stopTrigger: String? { windows.stopTrigger }
  var triggerDelta: UInt64? { windows.triggerDelta }
  var force: Bool { windows.force }
  var syscallEvents: UInt64? { syscalls.syscallEvents }
  var skipSyscallPollEvents: Bool { syscalls.skipSyscallPollEvents }
  var syscallEventFilter: SyscallEventFilter? { syscalls.filter }
  var stackOptions: StackSettings? { syscalls.stacks }
  var skipUpcallStats: Bool { machine.skipUpcallStats }
  var bufferPageCount: Int? { machine.bufferPageCount }
  var blame: Bool { machine.blame }
  var debug: Bool { machine.debug }
}
