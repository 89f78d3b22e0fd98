internal import Aggregator
internal import Session
internal import TraceModel

/// The JSON report of one window. `JSONRenderer` writes it and `JSONSchema` describes it.
enum WindowTable {
  /// A reader tells by it which report it has. "Sample" is what the first version called a window.
  static let schemaName = "kdelay-ftrace.sample/1"

  static let table = JSONTable<WindowView>([
    .constant("schema", "The name and the version of this format", schemaName),
    .object("target", process, "The first target process") {
      NamedProcess(pid: $0.result.target, name: $0.result.targetName)
    },
    .list("targets", process, "The target processes that lived in the window") { $0.result.targets },
    .object("window", window, "The stretch of time that is reported") { $0 },
    .list(
      "occurrences", OccurrenceTable.table,
      "The intervals for which the window was made (--when), in the order of their ends"
    ) {
      view in view.result.occurrences.lazy.map { OccurrenceView(occurrence: $0, window: view) }
    },
    .count("occurrences_left_out", "Such intervals that there was no room for") { $0.result.occurrencesLeftOut },
    .nanoseconds("overwritten_ns", "How much of the window's beginning had not been kept any more") {
      $0.result.overwritten
    },
    .object("verdict", VerdictTable.table, "Who lost time, to what, and what is not known") { Verdict($0.result) },
    .object("loss", loss, "What was missed in the window") { $0 },
    .texts("not_recorded", "What the recording lacks, and what this report lacks for it, a sentence each") {
      $0.result.notRecorded
    },
    .optionalNanoseconds(
      "recording_cost_ns", "An estimate of what recording adds to a syscall; null if it could not be measured"
    ) { $0.result.recordingCost },
    .number(
      "children_not_watched", "Direct child processes of the target that lived in the window and were not watched"
    ) {
      Int64($0.snapshot.childrenNotWatched)
    },
    .list("threads", ThreadTable.table, "The target's threads that lived in the window") { $0.threads },
    .list(
      "critical_path", CauseTable.segment,
      "What the thread that lost the most depended on; without gaps, from the window's begin to its end"
    ) { $0.result.criticalPath },
    .object("machine", VerdictTable.machine, "What the machine did besides") { $0.result.machine },
    .optionalObject("upcalls", upcalls, "Open vSwitch's upcalls; null where they are not counted") {
      $0.result.upcalls
    },
    .count("syscall_events_left_out", "Slow syscalls that there was no room for") { $0.snapshot.syscallEventsLeftOut },
    .texts("stack_notes", "What a reader must know to judge the stacks, a sentence each") {
      $0.result.stacks?.notes ?? []
    },
    .list("syscall_events", SyscallEventTable.table, "The slow syscalls (-s), in the order of their ends") { view in
      view.result.slowSyscalls.lazy.map { SyscallEventView(slow: $0, window: view) }
    },
  ])

  private static let process = JSONTable<NamedProcess>([
    .number("pid", "The process id") { Int64($0.pid) },
    .text("comm", "The name of the process's first thread at the end of the window") { $0.name },
  ])

  private static let window = JSONTable<WindowView>([
    .number("index", "The window's number in the capture", minimum: 1) { Int64($0.result.index) },
    .nanoseconds("start_ns", "When the window began, on CLOCK_MONOTONIC") { $0.snapshot.start },
    .nanoseconds("stop_ns", "When the window ended, on CLOCK_MONOTONIC; this instant is not in it") {
      $0.snapshot.stop
    },
    .nanoseconds("duration_ns", "How long the window was") { $0.snapshot.stop - $0.snapshot.start },
    .optionalText("start_trigger", "The trigger that opened the window; null where time did") {
      $0.result.startTrigger
    },
    .optionalText("stop_trigger", "The trigger that closed the window; null where something else did") {
      $0.result.stopTrigger
    },
  ])

  private static let loss = JSONTable<WindowView>([
    .count("events", "Events that the kernel overwrote before they were read") { $0.result.loss.events },
    .count("stack_samples", "Stack samples that the kernel dropped, or that there was no room for") {
      $0.result.stacks.map { $0.loss.samples + $0.dropped } ?? 0
    },
    .number("stacks_missing", "Slow syscalls whose stack is owed and not shown") {
      Int64($0.result.missing(.lost) + $0.result.missing(.notKept))
    },
    .count("undecodable", "Records that were read and not understood") { $0.result.loss.undecodable },
    .count("discarded_intervals", "Intervals whose begin or end was not recorded") { $0.snapshot.discardedIntervals },
    .count("missed_triggers", "Triggers that the kernel missed since the window before") { $0.snapshot.missedTriggers },
    .flag("gating_uncertain", "Whether another thread's stop trigger may have cut the recording short") {
      $0.result.gatingIsUncertain
    },
    .nanoseconds("missing_ns", "How long events of some CPU were missing") { $0.snapshot.missingTime },
    .count("events_read", "Events that were read in the window") { $0.snapshot.eventsRead },
    .count("late_events", "Events that came after their time had been evaluated") { $0.result.loss.late },
    .list("cpus", cpu, "The lost events by CPU, of CPUs that lost some") { view in
      view.result.loss.eventsByCPU.sorted { $0.key < $1.key }.map { CPUCount(cpu: $0.key, count: $0.value) }
    },
  ])

  private struct CPUCount {
    let cpu: Int
    let count: UInt64
  }

  private static let cpu = JSONTable<CPUCount>([
    .number("cpu", "The CPU's number") { Int64($0.cpu) },
    .count("events", "Events that were lost on it") { $0.count },
  ])

  // MARK: Open vSwitch

  private static let upcalls = JSONTable<UpcallStatistics>(
    "upcalls",
    [
      .object("total", upcallCount, "All upcalls") { $0.total },
      .object("successful", upcallCount, "Upcalls that returned 0") { $0.successful },
      .object("failed", upcallCount, "Upcalls that returned an error") { $0.failed },
      .list("errors", upcallError, "The failed upcalls by error") { upcalls in
        upcalls.errors.map { UpcallError(number: $0.errno, count: $0.count) }
      },
      .count("missed", "Upcalls that the kernel's probe missed since the window before") { $0.missed },
    ])

  private static let upcallCount = JSONTable<UpcallStatistics.Count>("upcall_count", upcallFields { $0 })

  private struct UpcallError {
    let number: Int32
    let count: UpcallStatistics.Count
  }

  private static let upcallError = JSONTable<UpcallError>(
    [
      .number("errno", "The error's number", minimum: 1) { Int64($0.number) },
      .text("name", "The error's name, as EAGAIN") { ErrnoName.of($0.number) },
    ], upcallFields { $0.count })

  private static func upcallFields<Source>(
    _ count: @escaping @Sendable (Source) -> UpcallStatistics.Count
  ) -> [JSONField<Source>] {
    [
      .count("count", "How many") { count($0).total },
      .list("cpus", upcallCPU, "The same by the CPU that they were made on") { source in
        count(source).cpus.map { CPUCount(cpu: Int($0.cpu), count: $0.count) }
      },
    ]
  }

  private static let upcallCPU = JSONTable<CPUCount>([
    .number("cpu", "The CPU's number") { Int64($0.cpu) },
    .count("count", "Upcalls that were made on it") { $0.count },
  ])
}
