internal import Aggregator
internal import Session
internal import TraceModel

/// What a table of the text report has a row for: a thread, or several that are folded.
struct ThreadRow {
  /// The thread, or the sums and extremes of all that are folded.
  var thread: ThreadSnapshot
  /// The thread's name as the report shows it.
  var name: String
  /// The process that the thread, or all of them, belong to; nil where the target is one process.
  var process: RowProcess?
  /// What recording cost the thread, or all of them, ns; nil where that is not known.
  var recording: UInt64?
  /// The causes of the thread, or of each that is folded; empty where they were not looked for.
  var causes: [ThreadCauses] = []
  /// What the row stands for, if not for a single thread.
  var fold: Fold?

  /// What a row stands for that is no single thread.
  struct Fold {
    /// The number of threads.
    var count: Int
    /// The thread that lost the most.
    var worst: ThreadSnapshot
    /// The name of the thread that lost the most.
    var worstName: String
  }

  /// What stands in the column of tids: a tid, or how many threads are folded.
  var label: String { fold.map { "\($0.count) x" } ?? String(thread.tid) }

  /// How many threads it stands for.
  var threadCount: Int { fold?.count ?? 1 }

  /// The time in which the row's threads wanted to run, and did not, ns. A thread that sleeps (S) waits for work, as a rule.
  var lost: UInt64 { Self.lost(thread.accounting) }

  static func lost(_ accounting: Accounting) -> UInt64 {
    [.hardIRQ, .softIRQ, .ready, .blockedUninterruptible, .stopped].reduce(0) { $0 + accounting[$1] }
  }
}

/// A process among several, or several that are folded, as a heading of the text report names them.
struct RowProcess: Hashable {
  /// The process's name, as the report shows it.
  var name: String
  /// The process's id; nil where several are folded.
  var pid: Int32?
  /// How many processes it stands for.
  var count = 1

  /// The heading's line. A program that reads kernel_delay.py's table skips it, since it begins with a hash sign.
  var heading: String { "# Process \(pid.map { String($0) } ?? "\(count) x") (\(name))" }
}

extension Sequence<ThreadRow> {
  /// The rows' lines, with a heading before those of each process, if there are several.
  func lines(_ body: (ThreadRow) -> [String]) -> [String] {
    var process: RowProcess?
    return flatMap { row in
      defer { process = row.process }
      guard let new = row.process, new != process else { return body(row) }
      return [new.heading] + body(row)
    }
  }
}
