internal import Aggregator
internal import ArgumentParser
internal import Session

/// Which syscalls are reported one by one, and what is shown of them.
struct SyscallOptions: ParsableArguments {
  @Option(
    name: [.customShort("s"), .long], defaultAsFlag: 0,
    help: ArgumentHelp(
      "Report each syscall that takes longer than this, with its stack and what it waited for. Without a value, report all.",
      valueName: "ns"))
  var syscallEvents: UInt64?

  @Flag(help: "Leave poll out of these.")
  var skipSyscallPollEvents = false

  @Option(help: "Find user stacks by dwarf (unwound), by fp (along frame pointers), or show none.")
  var userStacks = UserStackKind.dwarf

  @Flag(inversion: .prefixedNo, help: "Show where in the kernel a syscall blocks, or what it computes.")
  var kernelStacks = true

  @Flag(
    inversion: .prefixedNo,
    help: "Fold syscalls that the same user stack made (default: on a terminal, if there are more than 20).")
  var groupStacks: Bool?

  @Option(help: ArgumentHelp("Keep so many distinct stacks of a window; 0 shows none.", valueName: "n"))
  var stackTraceSize = 4096

  @Option(help: ArgumentHelp("Copy so much of a user stack, at most 65528 bytes.", valueName: "bytes"))
  var stackDumpSize = 8192

  @Option(help: ArgumentHelp("Show at most so many frames of a user stack.", valueName: "n"))
  var maxStack = 1024

  func validate() throws {
    if !(0...(1 << 20)).contains(stackTraceSize) {
      throw ValidationError("--stack-trace-size must be 0 to 1048576, not \(stackTraceSize)")
    }
    if !(8...65528).contains(stackDumpSize) {
      throw ValidationError("--stack-dump-size must be 8 to 65528 bytes, not \(stackDumpSize)")
    }
    if !(1...4096).contains(maxStack) { throw ValidationError("--max-stack must be 1 to 4096, not \(maxStack)") }
  }

  /// The syscalls that are reported one by one; nil where none is.
  var filter: SyscallEventFilter? {
    syscallEvents.map { SyscallEventFilter(threshold: $0 == 0 ? nil : $0, skipsPoll: skipSyscallPollEvents) }
  }

  /// What is shown of stacks; nil where no stacks are shown.
  var stacks: StackSettings? {
    guard syscallEvents != nil, stackTraceSize > 0, userStacks != .none || kernelStacks else { return nil }
    return StackSettings(
      user: userStacks, kernel: kernelStacks, dumpSize: stackDumpSize, depth: maxStack, limit: stackTraceSize)
  }
}
