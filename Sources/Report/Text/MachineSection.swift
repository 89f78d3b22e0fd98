internal import Aggregator
internal import Session

/// What the machine did besides, and what it lacks to tell more.
enum MachineSection {
  /// The most CPUs that are named.
  static let most = 8

  static func lines(_ result: WindowResult) -> [String] {
    let machine = result.machine
    let window = result.snapshot.stop - result.snapshot.start
    var parts = cpus(machine.idleTime, "idle", window) + cpus(machine.unknownTime, "unknown", window)
    parts += machine.pressure.sorted { $0.key < $1.key }.filter { $0.value > 0 }
      .map { "tasks stalled for \($0.key) \(Amount.time($0.value))" }
    var lines = parts.isEmpty ? [] : ["", "# MACHINE: \(parts.joined(separator: "; "))."]
    if lines.isEmpty, !machine.missing.isEmpty { lines = [""] }
    return lines + machine.missing.map { "# NOTE: not available to --blame here: \(Columns.printable($0))" }
  }

  /// The CPUs with a time, the longest first, in the order of their numbers.
  private static func cpus(_ times: [Int: UInt64], _ word: String, _ window: UInt64) -> [String] {
    let some = times.filter { $0.value > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let shown = some.prefix(most).sorted { $0.key < $1.key }
    guard !shown.isEmpty else { return [] }
    let more = some.count > most ? ", and \(some.count - most) more less" : ""
    let texts = shown.map { "CPU \($0.key) \(Amount.share($0.value, of: window))" }
    return ["\(word): \(texts.joined(separator: ", "))\(more)"]
  }
}
