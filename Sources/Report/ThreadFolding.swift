internal import Aggregator
internal import TraceModel

/// What a table of the text report has a row for: a thread, or several that are folded.
struct ThreadRow {
  /// The thread, or the sums and extremes of all that are folded.
  var thread: ThreadSnapshot
  /// As the report shows it.
  var name: String
  /// What recording cost the thread, or all of them, ns; nil where that is not known.
  var recording: UInt64?
  /// nil for a single thread.
  var fold: Fold?

  /// What a row stands for that is no single thread.
  struct Fold {
    var count: Int
    /// The thread that lost the most.
    var worst: ThreadSnapshot
    var worstName: String
  }

  /// What stands in the column of tids; no number where it is no thread's.
  var label: String { fold.map { "\($0.count) x" } ?? String(thread.tid) }
}

/// Keeps the text report of a program with thousands of threads readable.
///
/// Up to `most` threads each have a row, by name. Of more than that, threads of one name are folded into one row where there
/// are more than `fewest` of them. If that leaves more than `most` rows, names that differ only in their numbers count as one
/// (`worker-*`). The rows that lost the most come first, and what is behind row `most` is folded into one.
enum ThreadFolding {
  /// Rows that are read in one sitting.
  static let most = 64
  /// So many threads of one name are shown one by one.
  static let fewest = 8

  /// Time in which a thread wanted to run, and did not, ns. A thread that sleeps (S) waits for work, as a rule.
  static func lost(_ accounting: Accounting) -> UInt64 {
    [.hardIRQ, .softIRQ, .ready, .blockedUninterruptible, .stopped].reduce(0) { $0 + accounting[$1] }
  }

  /// One row a thread, in the order that they are in.
  static func single(
    _ threads: [ThreadSnapshot], _ names: NameTable, recordingCost cost: UInt64? = nil
  ) -> [ThreadRow] {
    threads.map {
      ThreadRow(thread: $0, name: Columns.printable(names[$0.name]), recording: $0.recordingTime(cost))
    }
  }

  /// The rows for `threads`, which are in the order that they are shown in where none is folded.
  static func rows(
    _ threads: [ThreadSnapshot], _ names: NameTable, recordingCost cost: UInt64? = nil
  ) -> [ThreadRow] {
    var rows = single(threads, names, recordingCost: cost)
    guard rows.count > most else { return rows }
    rows = fold(rows, by: \.name)
    if rows.count > most { rows = fold(rows) { withoutNumbers($0.name) } }
    // Of rows that lost the same, the first stays the first.
    rows = rows.enumerated().map { (order: $0.offset, lost: lost($0.element.thread.accounting), row: $0.element) }
      .sorted { ($1.lost, $0.order) < ($0.lost, $1.order) }.map(\.row)
    guard rows.count > most else { return rows }
    return rows.prefix(most - 1) + [merged(Array(rows.dropFirst(most - 1)), name: "(all others)")]
  }

  /// Rows of the same key become one where they are more than `fewest` threads.
  private static func fold(_ rows: [ThreadRow], by key: (ThreadRow) -> String) -> [ThreadRow] {
    let groups = Dictionary(grouping: rows, by: key)
    var folded: Set<String> = []
    return rows.compactMap { row in
      let key = key(row)
      guard let group = groups[key], group.count > 1, group.reduce(0, { $0 + ($1.fold?.count ?? 1) }) > fewest else {
        return row
      }
      return folded.insert(key).inserted ? merged(group, name: key) : nil
    }
  }

  /// `worker-17` as `worker-*`.
  static func withoutNumbers(_ name: String) -> String {
    var text = ""
    var isInNumber = false
    for scalar in name.unicodeScalars {
      let isDigit = ("0"..."9").contains(scalar)
      if !isDigit { text.unicodeScalars.append(scalar) } else if !isInNumber { text += "*" }
      isInNumber = isDigit
    }
    return text
  }

  private static func merged(_ rows: [ThreadRow], name: String) -> ThreadRow {
    func worst(_ row: ThreadRow) -> (thread: ThreadSnapshot, name: String) {
      row.fold.map { ($0.worst, $0.worstName) } ?? (row.thread, row.name)
    }
    // The first of equals.
    let first = worst(rows[0])
    let most = rows.dropFirst().reduce(first) { found, row in
      let next = worst(row)
      return lost(next.thread.accounting) > lost(found.thread.accounting) ? next : found
    }
    return ThreadRow(
      thread: ThreadSnapshot(sumOf: rows.map(\.thread), name: rows[0].thread.name), name: name,
      recording: rows.reduce(UInt64?(0)) { sum, row in sum.flatMap { sum in row.recording.map { sum + $0 } } },
      fold: ThreadRow.Fold(
        count: rows.reduce(0) { $0 + ($1.fold?.count ?? 1) }, worst: most.thread, worstName: most.name))
  }
}

extension ThreadSnapshot {
  /// All of them together. Quantiles are 0: they cannot be had from those of the parts.
  fileprivate init(sumOf threads: [ThreadSnapshot], name: NameID) {
    self.init(tid: -1, name: name)
    var syscalls: [SyscallKey: SyscallSnapshot] = [:]
    var hardIRQs: [IRQKey: IRQSnapshot] = [:]
    var softIRQs: [IRQKey: IRQSnapshot] = [:]
    for thread in threads {
      longPoll.add(thread.longPoll)
      probes.add(thread.probes)
      run.add(thread.run)
      ready.add(thread.ready)
      stopped.add(thread.stopped)
      accounting = accounting + thread.accounting
      for syscall in thread.syscalls { Self.add(syscall, to: &syscalls) }
      for irq in thread.hardIRQs { Self.add(irq, to: &hardIRQs) }
      for irq in thread.softIRQs { Self.add(irq, to: &softIRQs) }
    }
    self.syscalls = Array(syscalls.values)
    self.hardIRQs = Array(hardIRQs.values)
    self.softIRQs = Array(softIRQs.values)
  }

  private struct SyscallKey: Hashable {
    let number: Int32
    let abi: SyscallABI
  }

  private struct IRQKey: Hashable {
    let number: Int32
    let name: NameID
  }

  private static func add(_ syscall: SyscallSnapshot, to sums: inout [SyscallKey: SyscallSnapshot]) {
    let key = SyscallKey(number: syscall.number, abi: syscall.abi)
    guard var sum = sums[key] else {
      var first = syscall
      (first.p50, first.p90, first.p99) = (0, 0, 0)
      sums[key] = first
      return
    }
    sum.durations.add(syscall.durations)
    sum.errors += syscall.errors
    sums[key] = sum
  }

  private static func add(_ irq: IRQSnapshot, to sums: inout [IRQKey: IRQSnapshot]) {
    let key = IRQKey(number: irq.number, name: irq.name)
    guard var sum = sums[key] else {
      sums[key] = irq
      return
    }
    sum.durations.add(irq.durations)
    sums[key] = sum
  }
}
