/// One event of a perf.data file that is written: what its samples mean.
package struct PerfEventDescription: Sendable, Equatable {
  /// The event's name, as perf has it: `sched:sched_switch`.
  package let name: String
  /// The attributes that it was opened with, a `struct perf_event_attr`. All events of a file have the same `sample_type`, which
  /// has IDENTIFIER in it: so records can be told apart.
  package let attributes: [UInt8]

  /// An event by its name and its attributes.
  package init(name: String, attributes: [UInt8]) {
    self.name = name
    self.attributes = attributes
  }
}
