internal import Aggregator
internal import Session

/// The section of the critical path: what the thread that lost the most depended on, by task and by what that task did.
enum CriticalPathSection {
  /// The most lines; what is behind them has one together.
  static let most = 12

  static func lines(_ result: WindowResult) -> [String] {
    guard !result.criticalPath.isEmpty else { return [] }
    let all = PathSum.of(result.criticalPath)
    let length = all.reduce(0) { $0 + $1.total }
    var lines = [
      "",
      "# CRITICAL PATH (what the thread that lost the most depended on; it adds up to \(Columns.grouped(length)) ns):",
      "\(Columns.right("TID", 10)) \(Columns.left("TASK", 16)) \(Columns.right("STATE", 8)) \(Columns.right("%", 6))  "
        + "\(Columns.right("TOTAL ns", 18))  \(Columns.right("COUNT", 10))  \(Columns.right("MAX ns", 16))  CAUSE",
    ]
    lines += all.prefix(most).map { sum in
      line(
        String(sum.first.task.tid), Columns.printable(sum.first.task.name), sum.first.state?.title ?? "RUNNING", sum,
        length, sum.text
      )
    }
    var rest = all.dropFirst(most)
    if var others = rest.popFirst() {
      let count = rest.count + 1
      for other in rest { others.add(other) }
      lines.append(line("", "", "", others, length, "(\(Columns.grouped(UInt64(count))) others)"))
    }
    return lines
  }

  private static func line(
    _ tid: String, _ name: String, _ state: String, _ sum: PathSum, _ length: UInt64, _ text: String
  ) -> String {
    let head =
      "\(Columns.right(tid, 10)) \(Columns.left(name, 16)) \(Columns.right(state, 8)) "
      + "\(Columns.right(AccountingSection.share(sum.total, of: length), 6))  "
      + "\(Columns.right(Columns.grouped(sum.total), 18))  \(Columns.right(sum.count, 10))  "
      + Columns.nanoseconds(sum.longest)
    return text.isEmpty ? head : "\(head)  \(text)"
  }
}

/// The segments of a critical path in which one task did one thing.
struct PathSum {
  private struct Key: Hashable {
    let task: Cause.Task
    let state: AccountingState?
    let kind: Cause.Kind?
  }

  /// The first of the segments.
  let first: PathSegment
  private(set) var count: UInt64 = 0
  private(set) var total: UInt64 = 0
  private(set) var longest: UInt64 = 0

  /// The sums of all segments, the longest first.
  static func of(_ segments: [PathSegment]) -> [PathSum] {
    var places: [Key: Int] = [:]
    var sums: [PathSum] = []
    for segment in segments {
      let key = Key(task: segment.task, state: segment.state, kind: segment.kind)
      let place = places[key] ?? sums.count
      if place == sums.count {
        places[key] = place
        sums.append(PathSum(first: segment))
      }
      sums[place].add(segment)
    }
    return sums.enumerated().sorted { ($1.element.total, $0.offset) < ($0.element.total, $1.offset) }.map(\.element)
  }

  private init(first: PathSegment) { self.first = first }

  private mutating func add(_ segment: PathSegment) {
    let length = Amount.left(of: segment.end, without: segment.start)
    count += 1
    total += length
    longest = max(longest, length)
  }

  mutating func add(_ other: PathSum) {
    count += other.count
    total += other.total
    longest = max(longest, other.longest)
  }

  /// What kept the task, in words; empty where nothing did.
  var text: String { first.kind.map { CauseWords.word($0) } ?? "" }
}
