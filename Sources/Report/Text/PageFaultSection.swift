internal import Aggregator
internal import Session

/// The section of the page faults of each thread.
enum PageFaultSection {
  static func lines(_ rows: [ThreadRow]) -> [String] {
    let told = rows.filter { faults(of: $0).isNotable }
    guard !told.isEmpty else { return [] }
    let head =
      "\(Columns.right("TID", 10)) \(Columns.left("THREAD", 16)) "
      + ["COUNT", "MAJOR"].map { Columns.right($0, 10) }.joined(separator: "  ") + "  "
      + ["OFF CPU ns", "MAX ns"].map { Columns.right($0, 16) }.joined(separator: "  ")
    return [
      "",
      "# PAGE FAULTS (MAJOR ones waited for a disk; OFF CPU is a part of the causes, what a fault computes is USER):",
      head,
    ]
      + told.lines { row in
        let faults = faults(of: row)
        let counts = [faults.count, faults.major].map { Columns.right($0.map { String($0) } ?? "?", 10) }
        let times = [faults.total, faults.longest].map { Columns.nanoseconds($0) }
        return [
          "\(Columns.right(row.label, 10)) \(Columns.left(row.name, 16)) " + (counts + times).joined(separator: "  ")
        ]
      }
  }

  private static func faults(of row: ThreadRow) -> PageFaults { PageFaults(sumOf: row.causes.lazy.map(\.pageFaults)) }
}

extension PageFaults {
  /// Whether there was any.
  fileprivate var isNotable: Bool { (count ?? 0) + (major ?? 0) + total > 0 }

  /// The sums of several threads' page faults; a number that is not known of one is not known of all.
  init(sumOf all: some Sequence<PageFaults>) {
    self.init()
    var isFirst = true
    for faults in all {
      count = isFirst ? faults.count : count.flatMap { sum in faults.count.map { sum + $0 } }
      major = isFirst ? faults.major : major.flatMap { sum in faults.major.map { sum + $0 } }
      total += faults.total
      longest = max(longest, faults.longest)
      isFirst = false
    }
  }
}
