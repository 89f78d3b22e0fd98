internal import Aggregator
internal import Session
internal import TraceModel

/// The members of the JSON report that tell of one slow syscall.
enum SyscallEventTable {
  static let table = JSONTable<SyscallEventView>(
    "syscall_event",
    [
      .number("tid", "The thread that made it") { Int64($0.call.tid) },
      .number("pid", "The process that the thread belongs to") { Int64($0.window.result.pid(of: $0.call)) },
      .text("comm", "The thread's name") { $0.window.result.names[$0.call.name] },
      .text("name", "The syscall's name") { SyscallNames.name($0.call.number, abi: $0.call.abi) },
      .flag("name_uncertain", "Whether the name may be that of another call with the same number") {
        $0.window.result.isNameUncertain(of: $0.slow)
      },
      .number("number", "The syscall's number", minimum: nil) { Int64($0.call.number) },
      .nanoseconds("entry_ns", "When it began, on CLOCK_MONOTONIC") { $0.call.entry },
      .nanoseconds("exit_ns", "When it ended, on CLOCK_MONOTONIC") { $0.call.exit },
      .number("return_value", "What it returned; an error is negative", minimum: nil) { $0.call.returnValue },
      StackTables.stack("user_stack", StackTables.userFrame, "The user stack at its entry, innermost frame first") {
        $0.window.userStack($0.slow.userStack)
      },
      .word("user_stack_end", of: UserStackEnd.allCases.map(\.rawValue), "Why the user stack ends where it does") {
        $0.slow.userStackEnd.rawValue
      },
      StackTables.stack(
        "kernel_stack", StackTables.frame, "Where it waited longest, or what it computed; innermost frame first"
      ) { $0.window.kernelStack($0.slow.kernelStack) },
      .list("waits", wait, "Each time that it gave up its CPU") { view in
        view.slow.waits.lazy.map { WaitView(slowWait: $0, window: view.window) }
      },
      .count("waits_left_out", "Waits that there was no room for") { UInt64($0.call.waitsLeftOut) },
    ])

  private static let wait = JSONTable<WaitView>([
    .nanoseconds("start_ns", "When it was switched out, on CLOCK_MONOTONIC") { $0.wait.start },
    .nanoseconds("blocked_ns", "How long it could not run") { $0.wait.blocked },
    .nanoseconds("ready_ns", "How long it could run and had no CPU") { $0.wait.ready },
    .word("state", of: WaitSummary.states, "How it waited") { WaitSummary.state($0.wait.state) },
    .flag("end_known", "Whether the kernel recorded that it ran again") { !$0.wait.isCut },
    StackTables.stack("kernel_stack", StackTables.frame, "Where in the kernel it waited, innermost frame first") {
      $0.kernelStack
    },
    .optionalObject("waker", waker, "What woke it; null where nothing did, or nothing told") { view in
      view.wait.waker.map { WakerView(waker: $0, window: view.window) }
    },
  ])

  private static let waker = JSONTable<WakerView>([
    .word("context", of: ["task", "soft interrupt", "hard interrupt"], "Where the kernel was when it woke the thread") {
      context($0.waker.context)
    },
    .number("tid", "The task that woke it, or that the interrupt came to") { Int64($0.waker.tid) },
    .optionalText("comm", "That task's name; null where it is not known") { $0.window.result.name(of: $0.waker) },
  ])

  private static func context(_ context: Waker.Context) -> String {
    switch context {
    case .task: "task"
    case .softIRQ: "soft interrupt"
    case .hardIRQ: "hard interrupt"
    }
  }
}

/// The members of the JSON report that tell of stacks.
enum StackTables {
  static let frame = JSONTable<StackFrame>("frame", fields)

  static let userFrame = JSONTable<StackFrame>(
    "user_frame",
    fields,
    [
      .optionalText("source", "FILE:LINE of the instruction or the call; null where nothing tells") { $0.source },
      .flag("inlined", "Whether the compiler put the function into the next frame's") { $0.isInlined },
      .flag("guessed", "Whether the frame was found without call frame information") { $0.isGuessed },
    ])

  private static let fields: [JSONField<StackFrame>] = [
    .count("address", "The address of the instruction, or that the call returns to") { $0.address },
    .optionalText("symbol", "The function's name; null where it is not known") { $0.symbol },
    .count("offset", "Bytes from the function's start; without a symbol, from the file's start") {
      $0.symbol == nil ? $0.moduleOffset : $0.offset
    },
    .text("module", "The file's name; kernel, or a kernel module's name; empty for memory without a file") {
      $0.module
    },
  ]

  /// A list of frames whose text is there already.
  static func stack<Source>(
    _ name: String, _ table: JSONTable<StackFrame>, _ description: String,
    _ text: @escaping @Sendable (Source) -> [UInt8]
  ) -> JSONField<Source> {
    JSONField(name, .list(.object(table.type)), description) { source, output in output.append(text(source)) }
  }
}
