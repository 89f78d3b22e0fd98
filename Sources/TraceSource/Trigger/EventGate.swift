internal import TraceFormat

/// Keeps the events that come with every syscall and interrupt soft-disabled while no window is open: the start trigger's
/// `enable_event` and the stop trigger's `disable_event` (Documentation/trace/events.rst, event triggers) flip them in the
/// kernel, at the trigger itself. What tells of scheduling and of tasks that come and go stays on, so that each thread's
/// state is known when a window opens.
///
/// The gate may be open too long, which only costs; it must not be closed while a window is open. It is opened before the
/// start trigger is time-stamped, and closed after the stop trigger is: the data instance sees the one before, the other
/// after the instance that records triggers (probes of one event are called in the order of their registration).
/// The triggers know no pid filter: anybody may open the gate, but only the target's known tasks close it.
package struct EventGate: Sendable {
  /// Commands in the data instance's `trigger` files, as written.
  private var opening: [(file: String, command: String)] = []
  private var closing: [(file: String, command: String)] = []
  private let gated: [TracedEvent]

  /// A gate that nothing opens or closes yet. `available`: the traced events that this kernel has.
  init(available: [TracedEvent]) { gated = available.filter(\.isGated) }

  /// Whether the kernel closes it at the stop trigger.
  package var closes: Bool { !closing.isEmpty }

  /// Lets `event` open the gate. Registers the gated events, soft-disabled.
  mutating func open(on event: RecordedTrigger, _ instance: borrowing TracingInstance) throws(CaptureError) {
    for command in gated.map({ "enable_event:\($0.name)" + Self.condition(event.filter) }) {
      try instance.set(Self.file(event), command, append: true)
      opening.append((Self.file(event), command))
    }
  }

  /// Lets `event` close the gate where it happens to one of `tids`; nil: to anyone.
  mutating func close(
    on event: RecordedTrigger, tids: [Int32]?, _ instance: borrowing TracingInstance
  ) throws(CaptureError) {
    let filter = tids.map(Self.filter) ?? event.filter
    // A longer one does not fit into the page that the kernel takes it from.
    guard (filter ?? "").utf8.count < 3800 else { return }
    for command in gated.map({ "disable_event:\($0.name)" + Self.condition(filter) }) {
      try instance.set(Self.file(event), command, append: true)
      closing.append((Self.file(event), command))
    }
  }

  /// Takes one step to a gate that stays open. A step waits for all CPUs to pass through the kernel, some 10 ms: whoever
  /// takes them all at once is not reading meanwhile.
  mutating func widen(_ instance: borrowing TracingInstance) throws(CaptureError) {
    guard let (file, command) = closing.first else { return }
    try instance.set(file, "!\(command)", append: true)
    closing.removeFirst()
    if closing.isEmpty {
      for event in gated { try instance.enable(event.name) }
    }
  }

  /// Takes the triggers away, all that can be.
  mutating func remove(_ instance: borrowing TracingInstance) {
    for (file, command) in closing + opening { try? instance.set(file, "!\(command)", append: true) }
    closing = []
    opening = []
  }

  private static func file(_ event: RecordedTrigger) -> String {
    "events/\(event.name.path)/trigger"
  }

  private static func condition(_ filter: String?) -> String { filter.map { " if \($0)" } ?? "" }

  /// `common_pid` is one of `tids`; runs of them in one term.
  static func filter(_ tids: [Int32]) -> String {
    var runs: [ClosedRange<Int32>] = []
    for tid in tids.sorted() {
      if let last = runs.last, tid <= last.upperBound + 1 {
        runs[runs.count - 1] = last.lowerBound...max(tid, last.upperBound)
      } else {
        runs.append(tid...tid)
      }
    }
    return runs.map { run in
      run.count == 1
        ? "common_pid == \(run.lowerBound)"
        : "(common_pid >= \(run.lowerBound) && common_pid <= \(run.upperBound))"
    }.joined(separator: " || ")
  }
}
