internal import Session
internal import TraceModel

/// An interval for which a window was made, and the window's result.
struct OccurrenceView {
  let occurrence: Occurrence
  let window: WindowView
}

/// The intervals for which a window was made.
enum OccurrenceTable {
  static let table = JSONTable<OccurrenceView>([
    .text("condition", "The condition that the interval meets, as the operator wrote it") { $0.occurrence.condition },
    .number("pid", "The thread's process; 0 for a window of triggers") { Int64($0.occurrence.pid) },
    .number("tid", "The thread whose interval it was; 0 for a window of triggers") { Int64($0.occurrence.tid) },
    .text("comm", "The thread's name when the interval ended") { $0.window.result.names[$0.occurrence.name] },
    .nanoseconds(
      "start_ns", "When the interval began, on CLOCK_MONOTONIC; it can be before the window, which an earlier one has"
    ) { $0.occurrence.start },
    .nanoseconds("end_ns", "When the interval ended, on CLOCK_MONOTONIC") { $0.occurrence.end },
    .flag("has_ended", "Whether the interval ended; if not, end_ns is the end of the capture") {
      $0.occurrence.hasEnded
    },
  ])
}
