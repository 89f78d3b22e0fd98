/// What `per_cpu/cpuN/stats` of an instance says.
package enum RingStatistics {
  private static let counters = ["overrun: ", "commit overrun: ", "dropped events: "]

  /// The number of events that the ring buffer has lost so far. A recording may hold the text several times; the last one counts.
  package static func overrun(_ text: String) -> UInt64 {
    var counts: [String: UInt64] = [:]
    for line in text.split(separator: "\n") {
      guard let counter = counters.first(where: { line.hasPrefix($0) }) else { continue }
      counts[counter] = UInt64(line.dropFirst(counter.count)) ?? 0
    }
    return counts.values.reduce(0, +)
  }
}
