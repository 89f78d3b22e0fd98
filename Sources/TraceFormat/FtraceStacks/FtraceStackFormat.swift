internal import TraceModel

/// Where the fields of the records lie that ftrace adds to an event's for its stacks.
package struct FtraceStackFormat: Sendable, Equatable {
  /// The number of the event `ftrace:kernel_stack`.
  var kernelStack: Int
  /// Where a record of `ftrace:kernel_stack` says how many addresses there are. The size that the format gives the array is not
  /// the record's.
  var kernelCount: Int
  /// Where the innermost address of a record of `ftrace:kernel_stack` lies.
  var kernelCaller: Int

  /// The number of the event `ftrace:user_stack`.
  var userStack: Int
  /// Where a record of `ftrace:user_stack` says whose stack it is.
  var userProcess: Int
  /// Where the addresses of a record of `ftrace:user_stack` lie, innermost first, with 0 behind the last.
  var userCaller: Int
  /// The number of addresses of a user stack that there is room for.
  var userCapacity: Int

  /// The most frames of a user stack that the kernel follows (FTRACE_STACK_ENTRIES in kernel/trace/trace.h).
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
