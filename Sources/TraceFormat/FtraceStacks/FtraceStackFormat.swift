internal import TraceModel

/// Where the fields of the records lie that ftrace adds to an event's for its stacks.
package struct FtraceStackFormat: Sendable, Equatable {
  /// `ftrace:kernel_stack`: its number, where it says how many addresses there are, and where the innermost lies. The size
  /// that the format gives the array is not the record's.
  var kernelStack: Int
  var kernelCount: Int
  var kernelCaller: Int

  /// `ftrace:user_stack`: its number, whose stack it is, and where the addresses lie, innermost first, with 0 behind the last.
  var userStack: Int
  var userProcess: Int
  var userCaller: Int
  /// Addresses that there is room for.
  var userCapacity: Int

  /// Frames of a user stack that the kernel follows (FTRACE_STACK_ENTRIES in kernel/trace/trace.h).
  package static let mostUserFrames = 8

  /// The events whose stacks are recorded, by number.
  var sources: [Int: StackSampleSource]

  package init(
    switchOut: EventFormat, syscallExit: EventFormat, kernelStack: EventFormat, userStack: EventFormat
  ) throws(FormatError) {
    self.kernelStack = kernelStack.id
    kernelCount = try kernelStack.field("size", sizes: [4]).offset
    kernelCaller = try kernelStack.field("caller").offset
    self.userStack = userStack.id
    userProcess = try userStack.field("tgid", sizes: [4]).offset
    let caller = try userStack.field("caller")
    userCaller = caller.offset
    userCapacity = min(caller.size / 8, Self.mostUserFrames)
    sources = [switchOut.id: .switchOut, syscallExit.id: .syscallExit]
  }
}
