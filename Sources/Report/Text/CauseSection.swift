internal import Aggregator
internal import Session

/// The section that says why each thread did not run its own code. The lines of a thread add up to its states but USER and UNKNOWN.
enum CauseSection {
  /// The most causes of a thread that have a line of their own; the others of each state have one together.
  static let most = 8

  static func lines(_ rows: [ThreadRow], _ result: WindowResult) -> [String] {
    guard !result.causes.isEmpty else { return [] }
    let told = rows.filter { row in row.causes.contains { !$0.causes.isEmpty } }
    guard !told.isEmpty else { return [] }
    return [
      "", "# CAUSES (why each thread did not run its own code, in % of LIFE; the causes of a state add up to it):",
      "\(Columns.right("TID", 10)) \(Columns.left("THREAD", 16)) \(Columns.right("STATE", 8)) \(Columns.right("%", 6))  "
        + "\(Columns.right("TOTAL ns", 18))  \(Columns.right("COUNT", 10))  \(Columns.right("MAX ns", 16))  CAUSE",
    ] + told.lines { lines(of: $0) }
  }

  private static func lines(of row: ThreadRow) -> [String] {
    let causes = row.causes.lazy.flatMap(\.causes)
    // Of folded threads, which of them held the others up is as good as any.
    let sums = CauseSum.of(
      row.fold == nil ? Array(causes) : causes.map { $0.kind == .ownProcess ? $0.withoutTask : $0 })
    let shown = sums.prefix(most).map { line($0.cause, CauseWords.text($0.cause), row) }
    let others = Dictionary(grouping: sums.dropFirst(most), by: \.cause.state)
    return shown
      + AccountingState.allCases.compactMap { state in
        guard let others = others[state], var sum = others.first else { return nil }
        for other in others.dropFirst() { sum.add(other.cause) }
        let word = others.count == 1 ? CauseWords.text(sum.cause) : "(\(Columns.grouped(UInt64(others.count))) others)"
        return line(sum.cause, word, row)
      }
  }

  private static func line(_ cause: Cause, _ text: String, _ row: ThreadRow) -> String {
    "\(Columns.right(row.label, 10)) \(Columns.left(row.name, 16)) \(Columns.right(cause.state.title, 8)) "
      + "\(Columns.right(AccountingSection.share(cause.total, of: row.thread.accounting.lifetime), 6))  "
      + "\(Columns.right(Columns.grouped(cause.total), 18))  \(Columns.right(cause.count, 10))  "
      + "\(Columns.nanoseconds(cause.longest))  \(text)"
  }
}

extension Cause {
  /// The same without the task that had the CPU.
  fileprivate var withoutTask: Cause {
    var cause = self
    cause.by = nil
    return cause
  }
}

/// Causes that differ in nothing but their numbers, as one.
struct CauseSum {
  private struct Key: Hashable {
    let state: AccountingState
    let kind: Cause.Kind
    let by: Cause.Task?
    let path: Cause.PathEnd?
    let syscall: String?
    let place: String?

    init(_ cause: Cause) {
      (state, kind, by, path) = (cause.state, cause.kind, cause.by, cause.path)
      (syscall, place) = (cause.syscall, cause.place)
    }
  }

  private(set) var cause: Cause

  /// The sums of the causes, the longest first.
  static func of(_ causes: some Sequence<Cause>) -> [CauseSum] {
    var places: [Key: Int] = [:]
    var sums: [CauseSum] = []
    for cause in causes {
      if let place = places[Key(cause)] {
        sums[place].add(cause)
      } else {
        places[Key(cause)] = sums.count
        sums.append(CauseSum(cause: cause))
      }
    }
    return sums.enumerated()
      .sorted { ($1.element.cause.total, $0.offset) < ($0.element.cause.total, $1.offset) }.map(\.element)
  }

  mutating func add(_ other: Cause) {
    cause.count += other.count
    cause.total += other.total
    cause.longest = max(cause.longest, other.longest)
  }
}
