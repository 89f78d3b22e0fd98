internal import Aggregator
internal import Session
internal import TraceModel

/// The section of the syscalls and page faults that had not ended when the window did.
enum InProgressSection {
  /// The most kinds of calls of folded threads that have a line of their own.
  static let most = 4

  static func lines(_ rows: [ThreadRow], _ result: WindowResult) -> [String] {
    let told = rows.filter { row in row.causes.contains { $0.inProgress != nil } }
    guard !told.isEmpty else { return [] }
    let head = [
      "", "# IN PROGRESS (what had not ended when the window did; of folded threads the one that has lasted longest):",
      "\(Columns.right("TID", 10)) \(Columns.left("THREAD", 16)) \(Columns.right("SO FAR ns", 19))  "
        + "\(Columns.right("ENTRY (ns)", 20)) \(Columns.right("STATE", 8))  CALL",
    ]
    let note = told.contains { row in row.causes.contains { $0.inProgress?.beganEarlier == true } }
    return head + told.lines { lines(of: $0, result) }
      + (note ? ["# A > before a time: it began earlier, and nothing tells when."] : [])
  }

  private static func lines(of row: ThreadRow, _ result: WindowResult) -> [String] {
    let calls = row.causes.compactMap(\.inProgress)
    guard row.fold != nil else { return calls.flatMap { [line($0, row.label, row, result)] + frames($0, result) } }
    let groups = Dictionary(grouping: calls) { Kind(name: $0.name, state: $0.state) }.values
      .map { calls in (first: calls.min { $0.entry < $1.entry } ?? calls[0], count: calls.count) }
      .sorted { ($1.count, $0.first.entry, $0.first.number) < ($0.count, $1.first.entry, $1.first.number) }
    let others = groups.dropFirst(most).reduce(0) { $0 + $1.count }
    return groups.prefix(most).map { line($0.first, "\($0.count) x", row, result) }
      + (others > 0 ? ["\(Columns.right("\(others) x", 10)) \(Columns.left(row.name, 16)) in other calls"] : [])
  }

  private struct Kind: Hashable {
    let name: String?
    let state: AccountingState
  }

  private static func line(_ call: InProgress, _ label: String, _ row: ThreadRow, _ result: WindowResult) -> String {
    let mark = call.beganEarlier ? ">" : ""
    return "\(Columns.right(label, 10)) \(Columns.left(row.name, 16)) "
      + "\(Columns.right(mark + Columns.grouped(call.soFar(at: result.snapshot.stop)), 19))  "
      + "\(Columns.right(call.entry, 20)) \(Columns.right(call.state.title, 8))  \(call.text)"
  }

  private static func frames(_ call: InProgress, _ result: WindowResult) -> [String] {
    (result.frames(of: call.kernelStack) + result.frames(of: call.userStack)).map {
      String(repeating: " ", count: 10) + $0.text
    }
  }
}

extension InProgress {
  /// The call's name as text reports show it.
  var text: String { name ?? "unknown call" }
}
