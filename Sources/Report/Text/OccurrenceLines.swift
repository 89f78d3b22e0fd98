internal import Aggregator
internal import Session
internal import TraceModel

/// The lines that say for what a window was made, and what of it had not been kept.
enum OccurrenceLines {
  /// The most intervals that are shown one by one.
  private static let most = 8

  static func lines(_ result: WindowResult) -> [String] {
    var lines = result.occurrences.prefix(most).map { line($0, result) }
    let more = UInt64(max(result.occurrences.count - most, 0)) + result.occurrencesLeftOut
    if more > 0 { lines.append("# Found \(Columns.grouped(more)) more; JSON lists those that there was room for.") }
    if result.overwritten > 0 {
      lines.append(
        "# The first \(Columns.grouped(result.overwritten)) ns of what was asked for had been overwritten; "
          + "--look-back-size keeps more.")
    }
    return lines
  }

  private static func line(_ occurrence: Occurrence, _ result: WindowResult) -> String {
    let name = Columns.printable(result.names[occurrence.name])
    let thread = occurrence.tid == 0 ? "" : " of \(name) (\(occurrence.tid))"
    let length = "\(Columns.grouped(occurrence.end - min(occurrence.start, occurrence.end))) ns"
    let earlier =
      occurrence.start < result.snapshot.start && result.overwritten == 0
      ? "; an earlier window has the beginning" : ""
    let end = occurrence.hasEnded ? "" : " so far"
    return "# Found \(occurrence.condition)\(thread): \(length)\(end) from @\(occurrence.start)\(earlier)"
  }
}
