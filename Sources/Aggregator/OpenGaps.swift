/// The CPUs whose events are missing at one point of the stream. A CPU can have several buffers, each with gaps of its own.
struct OpenGaps {
  private var counts: [UInt16: Int] = [:]

  /// Whether the events of all CPUs are complete.
  var isEmpty: Bool { counts.isEmpty }

  /// Whether a CPU's events are missing.
  func contains(_ cpu: UInt16) -> Bool { counts[cpu] != nil }

  /// A gap begins on a CPU.
  mutating func insert(_ cpu: UInt16) { counts[cpu, default: 0] += 1 }

  /// A gap of a CPU ends.
  mutating func remove(_ cpu: UInt16) {
    guard let count = counts[cpu] else { return }
    counts[cpu] = count > 1 ? count - 1 : nil
  }
}
