/// What the capture missed. All of it is part of the result.
package struct Loss: Sendable, Equatable {
  /// The number of events that the kernel overwrote or could not record, by CPU.
  package var eventsByCPU: [Int: UInt64] = [:]
  /// The number of records that were read but could not be decoded.
  package var undecodable: UInt64 = 0
  /// The number of events that came later than the merge had waited for.
  package var late: UInt64 = 0

  package init() {}

  /// The number of lost events of all CPUs.
  package var events: UInt64 { eventsByCPU.values.reduce(0, +) }

  /// What was missed since `earlier` was taken from the same capture.
  package func since(_ earlier: Loss) -> Loss {
    var delta = Loss()
    for (cpu, count) in eventsByCPU { delta.eventsByCPU[cpu] = count - (earlier.eventsByCPU[cpu] ?? 0) }
    delta.undecodable = undecodable - earlier.undecodable
    delta.late = late - earlier.late
    return delta
  }
}
