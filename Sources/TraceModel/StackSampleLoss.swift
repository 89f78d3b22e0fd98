/// Stack samples that the kernel did not deliver. All of it is part of the result.
package struct StackSampleLoss: Sendable, Equatable {
  /// The number of records of thread switches that found no room in a ring; `clock` and `syscallExit` count those of the other
  /// sources.
  package var switchOut: UInt64 = 0
  package var clock: UInt64 = 0
  package var syscallExit: UInt64 = 0
  /// How often the kernel stopped the clock for the rest of a tick (`kernel.perf_event_max_sample_rate`).
  package var throttled: UInt64 = 0
  /// The number of records that could not be decoded.
  package var malformed: UInt64 = 0
  /// The number of records that came later than the merge had waited for; they are passed on all the same.
  package var late: UInt64 = 0

  package init() {}

  package subscript(source: StackSampleSource) -> UInt64 {
    get {
      switch source {
      case .switchOut: switchOut
      case .clock: clock
      case .syscallExit: syscallExit
      }
    }
    set {
      switch source {
      case .switchOut: switchOut = newValue
      case .clock: clock = newValue
      case .syscallExit: syscallExit = newValue
      }
    }
  }

  /// What was lost since `earlier` was taken from the same capture.
  package func since(_ earlier: StackSampleLoss) -> StackSampleLoss {
    var delta = StackSampleLoss()
    delta.switchOut = switchOut - earlier.switchOut
    delta.clock = clock - earlier.clock
    delta.syscallExit = syscallExit - earlier.syscallExit
    delta.throttled = throttled - earlier.throttled
    delta.malformed = malformed - earlier.malformed
    delta.late = late - earlier.late
    return delta
  }

  /// The number of records of all sources that found no room.
  package var samples: UInt64 { switchOut + clock + syscallExit }
  /// Whether mappings and names may be missing too. They come through the same rings as switches: some of theirs may be among the
  /// lost.
  package var mayMissChanges: Bool { switchOut > 0 }
}
