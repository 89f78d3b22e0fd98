internal import Aggregator
internal import Session
internal import TraceModel

/// Keeps the text report of a program with thousands of threads readable.
///
/// Up to `most` threads each have a row, by process and by name. Of more than that, processes of one name share a heading
/// where there are more than `fewest` of them, and threads of one name below one heading share a row where there are more
/// than `fewest` of them. If that leaves more than `most` rows, names that differ only in their numbers count as one
/// (`worker-*`). The rows that lost the most come first, and what is behind row `most` is folded into one.
enum ThreadFolding {
  /// The most rows, which are read in one sitting.
  static let most = 64
  /// The most threads, or processes, of one name that are shown one by one.
  static let fewest = 8

  /// One row a thread, in the order that they are in. `processes` are those of the snapshot; none where the target is one
  /// process. `causes` are those of each thread; none where they were not looked for.
  static func single(
    _ threads: [ThreadSnapshot], _ names: NameTable, causes: [ThreadCauses] = [], processes: [NamedProcess] = [],
    recordingCost cost: UInt64? = nil
  ) -> [ThreadRow] {
    threads.enumerated().map { position, thread in
      let process = processes.indices.contains(thread.process) ? processes[thread.process] : nil
      return ThreadRow(
        thread: thread, name: Columns.printable(names[thread.name]),
        process: process.map { RowProcess(name: Columns.printable($0.name), pid: $0.pid) },
        recording: thread.recordingTime(cost), causes: causes.indices.contains(position) ? [causes[position]] : [])
    }
  }

  /// The rows for `threads`, which are in the order that they are shown in where none is folded.
  static func rows(
    _ threads: [ThreadSnapshot], _ names: NameTable, causes: [ThreadCauses] = [], processes: [NamedProcess] = [],
    recordingCost cost: UInt64? = nil
  ) -> [ThreadRow] {
    var rows = single(threads, names, causes: causes, processes: processes, recordingCost: cost)
    guard rows.count > most else { return rows }
    rows = fold(rows) { $0 }
    if rows.count > most { rows = fold(rows, withoutNumbers) }
    rows = byLoss(rows)
    if rows.count > most {
      let others = Array(rows.dropFirst(most - 1))
      rows = rows.prefix(most - 1) + [merged(others, name: "(all others)", together(others, "all others"))]
    }
    return byProcess(rows)
  }

  /// Rows that lost the most first; of rows that lost the same, the first stays the first.
  private static func byLoss(_ rows: [ThreadRow]) -> [ThreadRow] {
    rows.enumerated().map { (order: $0.offset, lost: $0.element.lost, row: $0.element) }
      .sorted { ($1.lost, $0.order) < ($0.lost, $1.order) }.map(\.row)
  }

  /// Rows of one process together: the process that lost the most comes first, and what has no name of its own last.
  private static func byProcess(_ rows: [ThreadRow]) -> [ThreadRow] {
    let groups = Dictionary(grouping: rows.enumerated(), by: \.element.process).values.map { rows in
      (first: rows[0].offset, lost: rows.reduce(0) { $0 + $1.element.lost }, rows: rows.map(\.element))
    }
    guard groups.count > 1 else { return rows }
    let last = rows.count - 1
    return groups.sorted { left, right in
      if (left.first == last) != (right.first == last) { return right.first == last }
      return (right.lost, left.first) < (left.lost, right.first)
    }
    .flatMap(\.rows)
  }

  // MARK: Folding by name

  /// Folds processes of one name, and of each of these threads of one name. `common` is what names have in common.
  private static func fold(_ rows: [ThreadRow], _ common: (String) -> String) -> [ThreadRow] {
    struct Key: Hashable {
      var process: RowProcess?
      var name: String
    }
    let rows = foldProcesses(rows, common)
    let keys = rows.map { Key(process: $0.process, name: common($0.name)) }
    let groups = Dictionary(grouping: rows.indices) { keys[$0] }
    var folded: Set<Key> = []
    return rows.indices.compactMap { index in
      let key = keys[index]
      guard let group = groups[key], group.count > 1, group.reduce(0, { $0 + rows[$1].threadCount }) > fewest else {
        return rows[index]
      }
      guard folded.insert(key).inserted else { return nil }
      return merged(group.map { rows[$0] }, name: key.name, key.process)
    }
  }

  /// Processes of one name become one where they are more than `fewest`.
  private static func foldProcesses(_ rows: [ThreadRow], _ common: (String) -> String) -> [ThreadRow] {
    let processes = Dictionary(grouping: Set(rows.compactMap(\.process))) { common($0.name) }
    let counts = processes.mapValues { $0.reduce(0) { $0 + $1.count } }
    return rows.map { row in
      guard let process = row.process else { return row }
      let name = common(process.name)
      guard let count = counts[name], count > fewest, processes[name]?.count != 1 else { return row }
      var row = row
      row.process = RowProcess(name: name, pid: nil, count: count)
      return row
    }
  }

  /// The processes of all these rows as one; nil where the target is one process.
  private static func together(_ rows: [ThreadRow], _ name: String) -> RowProcess? {
    let processes = Set(rows.compactMap(\.process))
    if processes.count < 2 { return processes.first }
    return RowProcess(name: name, pid: nil, count: processes.reduce(0) { $0 + $1.count })
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

  private static func merged(_ rows: [ThreadRow], name: String, _ process: RowProcess?) -> ThreadRow {
    func worst(_ row: ThreadRow) -> (thread: ThreadSnapshot, name: String) {
      row.fold.map { ($0.worst, $0.worstName) } ?? (row.thread, row.name)
    }
    // The first of equals.
    let first = worst(rows[0])
    let most = rows.dropFirst().reduce(first) { found, row in
      let next = worst(row)
      return ThreadRow.lost(next.thread.accounting) > ThreadRow.lost(found.thread.accounting) ? next : found
    }
    return ThreadRow(
      thread: ThreadSnapshot(sumOf: rows.map(\.thread), name: rows[0].thread.name), name: name, process: process,
      recording: rows.reduce(UInt64?(0)) { sum, row in sum.flatMap { sum in row.recording.map { sum + $0 } } },
      causes: rows.flatMap(\.causes),
      fold: ThreadRow.Fold(
        count: rows.reduce(0) { $0 + $1.threadCount }, worst: most.thread, worstName: most.name))
  }
}
