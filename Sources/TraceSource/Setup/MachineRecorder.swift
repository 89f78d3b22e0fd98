internal import TraceFormat

/// Records scheduling and interrupts of the whole machine in an instance of their own, which has no pid filter: what it loses is
/// not the target's data.
struct MachineRecorder: ~Copyable {
  private let events: [MachineEvent]
  /// What this kernel does not have; a sentence each.
  let missing: [String]
  private let decoder: PageDecoder
  private let instance: TracingInstance

  /// Creates the instance; no event is enabled yet.
  static func create(
    _ tracefs: any TracefsAccess, owner: InstanceOwner, layout: PageLayout
  ) throws(CaptureError) -> MachineRecorder {
    let events = MachineEvent.allCases.filter { tracefs.exists("events/\($0.event.name.path)/format") }
    let table = try EventTable.read(tracefs, events.map { ($0.event.name, $0.reading) })
    let instance = try TracingInstance.create(
      tracefs, owner: owner, purpose: .machine, settings: BufferSettings(bufferKiB: BufferSize.machineKiB))
    return MachineRecorder(events, PageDecoder(layout: layout, table: table), instance)
  }

  private init(_ events: [MachineEvent], _ decoder: PageDecoder, _ instance: consuming TracingInstance) {
    self.events = events
    missing = CauseEvents.sentences(
      MachineEvent.allCases.filter { !events.contains($0) }.map { ($0.event.name, $0.purpose) })
    self.decoder = decoder
    self.instance = instance
  }

  /// What is recorded.
  var recordedEvents: [EventName] { events.map(\.event.name) }

  /// Opens the ring buffers of the recorder's instance.
  func open(_ pages: inout LivePages, cpus: [Int]) throws(CaptureError) {
    try pages.add(instance, cpus: cpus, decoder: decoder)
  }

  /// Starts to record.
  func start() throws(CaptureError) {
    for event in events { try instance.enable(event.event.name) }
    try instance.set("tracing_on", "1")
  }

  func stop() throws(CaptureError) { try instance.set("tracing_on", "0") }

  consuming func close() throws(CaptureError) { try instance.close() }
}
