internal import TraceFormat

/// What of `CauseEvent` a capture records of the target's threads, in the data instance, and the kernel's stack at each of their
/// switches.
struct CauseEvents: Sendable {
  private var events: [CauseEvent] = []
  private var hasStacks = false
  /// What this kernel does not have; a sentence each.
  private(set) var missing: [String] = []

  /// Nothing at all.
  init() {}

  /// All that the running kernel has.
  init(_ tracefs: any TracefsAccess) {
    events = CauseEvent.allCases.filter { tracefs.exists("events/\($0.name.path)/format") }
    missing = Self.sentences(CauseEvent.allCases.filter { !events.contains($0) }.map { ($0.name, $0.purpose) })
    hasStacks =
      tracefs.exists("events/\(CauseEvent.kernelStack.path)/format")
      && tracefs.exists("events/\(TracedEvent.contextSwitch.name.path)/format")
    if !hasStacks { missing.append("This kernel records no stacks at switches: what threads wait for cannot be told.") }
  }

  /// What is said of events that this kernel lacks. A beginning is of no use without its end, and the other way round: of several
  /// with one purpose the first is named.
  static func sentences(_ lacking: [(name: EventName, purpose: String)]) -> [String] {
    var purposes: [String] = []
    return lacking.compactMap { name, purpose in
      guard !purposes.contains(purpose) else { return nil }
      purposes.append(purpose)
      return "This kernel has no event \(name): \(purpose) cannot be told."
    }
  }

  /// How the records are read.
  var readings: [(name: EventName, reading: RecordReading)] {
    events.map { ($0.name, $0.reading) } + (hasStacks ? [(CauseEvent.kernelStack, .kernelStack)] : [])
  }

  /// Enables the events. The trigger obeys the instance's pid filter (`EVENT_FILE_FL_TRIGGER_COND`: it runs when the record is
  /// committed), and goes with the instance.
  func start(_ instance: borrowing TracingInstance) throws(CaptureError) {
    if hasStacks {
      try instance.set("events/\(TracedEvent.contextSwitch.name.path)/trigger", "stacktrace", append: true)
    }
    for event in events { try instance.enable(event.name) }
  }
}
