internal import TraceFormat

/// What a capture is asked for.
package struct CaptureSettings: Sendable {
  package var buffer: BufferSettings
  /// The triggers: at most one that starts and one that stops, or one that does both.
  package var triggers: [Trigger]
  /// Whether Open vSwitch's upcalls are recorded; see `Upcalls`.
  package var countsUpcalls: Bool
  /// Whether it is recorded who wakes the target's threads.
  package var recordsWakers: Bool
  /// Whether it is recorded where functions return to whose return a trigger waits for: stacks need it.
  package var recordsReturnAddresses: Bool
  /// Whether it is recorded what every cause needs, of the whole machine (`--blame`).
  package var recordsCauses: Bool

  /// Whether data are recorded all the time, though a start trigger is waited for, and read in the order of time: windows are
  /// made of what has happened already.
  package var looksBack = false

  package init(
    bufferKiB: Int, triggers: [Trigger] = [], countsUpcalls: Bool = false, recordsWakers: Bool = false,
    recordsReturnAddresses: Bool = false, recordsCauses: Bool = false
  ) {
    buffer = BufferSettings(bufferKiB: bufferKiB)
    self.triggers = triggers
    self.countsUpcalls = countsUpcalls
    self.recordsWakers = recordsWakers
    self.recordsReturnAddresses = recordsReturnAddresses
    self.recordsCauses = recordsCauses
  }

  /// The tracepoints that the capture takes of the target's threads. Where the whole machine's wakers are recorded, theirs are
  /// among them: one more record of each wake-up would cost every task of the machine something.
  var events: [TracedEvent] { TracedEvent.allCases.filter { $0 != .waking || recordsWakers && !recordsCauses } }
}
