internal import Aggregator
internal import Session
internal import TraceModel

/// The members of the JSON report that tell why threads did not run their own code.
enum CauseTable {
  static let table = JSONTable<Cause>("cause", fields { $0 })

  /// A cause beside the thread that it kept.
  static let blamed = JSONTable<BlamedCause>(
    "blamed_cause",
    [
      .number("pid", "The process of the thread that waited") { Int64($0.task.pid) },
      .number("tid", "The thread that waited") { Int64($0.task.tid) },
      .text("comm", "The name of the thread that waited") { $0.task.name },
    ], fields { $0.cause })

  private static func fields<Source>(_ cause: @escaping @Sendable (Source) -> Cause) -> [JSONField<Source>] {
    [
      .word("state", of: AccountingState.allCases.map(\.word), "The state of accounting that the time is a part of") {
        cause($0).state.word
      },
      .word("cause", of: Cause.Kind.allCases.map(\.rawValue), "What kept the thread") { cause($0).kind.rawValue },
      .optionalObject("by", task, "Who had the CPU, or ended the wait; null where nobody did, or nothing tells") {
        cause($0).by
      },
      .optionalObject("path", path, "What the last of those who waited for each other did; null where nothing tells") {
        cause($0).path
      },
      .optionalText("syscall", "The syscall in which the thread was; null outside, and where nothing tells") {
        cause($0).syscall
      },
      .optionalText("where", "The kernel's function, the interrupt, or the file; null where nothing tells") {
        cause($0).place
      },
      .count("count", "How many intervals there were") { cause($0).count },
      .nanoseconds("total_ns", "All of them together") { cause($0).total },
      .nanoseconds("max_ns", "The longest one") { cause($0).longest },
    ]
  }

  static let task = JSONTable<Cause.Task>(
    "task",
    [
      .number("pid", "The task's process; 0 where it is not known") { Int64($0.pid) },
      .number("tid", "The task") { Int64($0.tid) },
      .text("comm", "The task's name; empty where it is not known") { $0.name },
      .flag("is_tool", "Whether it is this tool itself") { $0.isTool },
    ])

  private static let path = JSONTable<Cause.PathEnd>(
    "path_end",
    [
      .object("task", task, "The last task of the chain; `by` itself where that waited for nobody else") { $0.task },
      .word("doing", of: PathPiece.Doing.allCases.map(\.word), "What it did for most of that time") {
        $0.doing.word
      },
      .count("length", "How many tasks the chain has") { UInt64($0.length) },
    ])

  static let inProgress = JSONTable<InProgressView>(
    "in_progress",
    [
      .optionalText("name", "The syscall's name, or `page fault`; null where nothing tells") { $0.call.name },
      .number("number", "The syscall's number; -1 for a page fault, and where nothing tells", minimum: -1) {
        Int64($0.call.number)
      },
      .nanoseconds("entry_ns", "When it began, or since when it is known to last, on CLOCK_MONOTONIC") {
        $0.call.entry
      },
      .flag("began_earlier", "Whether it began before entry_ns") { $0.call.beganEarlier },
      .nanoseconds("so_far_ns", "How long it had lasted when the window ended") { $0.soFar },
      .word("state", of: AccountingState.allCases.map(\.word), "What the thread did when the window ended") {
        $0.call.state.word
      },
      StackTables.stack("user_stack", StackTables.userFrame, "The user stack at its entry, innermost frame first") {
        $0.window.userStack($0.call.userStack)
      },
      .word("user_stack_end", of: UserStackEnd.allCases.map(\.rawValue), "Why the user stack ends where it does") {
        $0.call.userStackEnd.rawValue
      },
      StackTables.stack("kernel_stack", StackTables.frame, "Where in the kernel it waits, innermost frame first") {
        $0.window.kernelStack($0.call.kernelStack)
      },
    ])

  static let pageFaults = JSONTable<PageFaults>([
    .optionalCount("count", "How many there were in the thread's own code; null where they are not recorded") {
      $0.count
    },
    .optionalCount("major", "How many had to wait for a disk; null where nothing tells") { $0.major },
    .nanoseconds("total_ns", "How long the thread was off its CPU in them") { $0.total },
    .nanoseconds("max_ns", "The longest time off its CPU") { $0.longest },
  ])

  static let segment = JSONTable<PathSegment>(
    "segment",
    [
      .nanoseconds("start_ns", "When it began, on CLOCK_MONOTONIC") { $0.start },
      .nanoseconds("end_ns", "When it ended, on CLOCK_MONOTONIC") { $0.end },
      .number("pid", "The task's process; 0 where it is not known") { Int64($0.task.pid) },
      .number("tid", "The task") { Int64($0.task.tid) },
      .text("comm", "The task's name; empty where it is not known") { $0.task.name },
      .word(
        "state", of: ["running"] + AccountingState.allCases.map(\.word),
        "What the task did; running where it was on a CPU, of which nothing tells in what mode"
      ) { $0.state?.word ?? "running" },
      .optionalWord("cause", of: Cause.Kind.allCases.map(\.rawValue), "What kept the task; null where nothing did") {
        $0.kind?.rawValue
      },
    ])
}

extension PathPiece.Doing {
  /// The state as the report has it.
  fileprivate var word: String {
    switch self {
    case .running: "running"
    case .ready: "ready"
    case .blocked: "blocked"
    case .stopped: "stopped"
    case .unknown: "unknown"
    }
  }
}
