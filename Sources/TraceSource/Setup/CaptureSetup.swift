package import TraceFormat
package import TraceModel

/// What a capture has in tracefs: instances, events, probes, filters and the gate. All of it is gone when its owner is, so that
/// whoever reads the instances' pages must have closed them before.
package struct CaptureSetup: ~Copyable {
  /// The number of bytes of a sub-buffer.
  package let pageSize: Int
  /// The tracepoints that are recorded.
  private let events: [TracedEvent]
  /// The tracepoints that would be recorded, but that this kernel lacks.
  package let missingEvents: [TracedEvent]
  /// What `--blame` asks for and this kernel does not have; a sentence each.
  package let missingCauses: [String]
  /// The tracepoints for causes that are recorded.
  private let causes: CauseEvents
  /// What is recorded of the whole machine.
  private let machineEvents: [EventName]
  /// The events that only this capture knows the meaning of: triggers, upcalls, and calls that return.
  package let triggerEvents: [(name: EventName, kind: EventKind)]
  /// How the data instance's records are read.
  private let decoder: PageDecoder
  private let triggers: [RecordedTrigger]
  private let upcall: EventName?
  /// Whether there are probes that the kernel can miss.
  package let hasKernelProbes: Bool
  /// What the probes had missed when they were asked last.
  private var missesSeen: [EventName: UInt64] = [:]
  /// What keeps data from being recorded while no window is open; nil where nothing does.
  package private(set) var gate: EventGate?
  /// Why the data events are not gated though a start trigger is waited for.
  package private(set) var gateRefusal: String?
  // Fields go in this order: the probes are the last, as instances use them.
  /// Whether data are recorded all the time.
  private let looksBack: Bool
  private let instance: TracingInstance
  private var machine: MachineRecorder?
  private var recorder: TriggerRecorder?
  /// A stop trigger at the start trigger's own tracepoint with another filter: an instance has one filter an event.
  private var apart: TriggerRecorder?
  /// The calls that return triggers wait for.
  private var calls: TriggerRecorder?
  private var probes: ProbeGroup

  /// Sets the capture up, recording nothing yet.
  package init(
    _ tracefs: any TracefsAccess, owner: InstanceOwner = .current, settings: CaptureSettings
  ) throws(CaptureError) {
    let (present, missing) = try Self.events(of: settings, tracefs)
    let layout = try PageLayout.read(tracefs)
    let causes = settings.recordsCauses ? CauseEvents(tracefs) : CauseEvents()
    let decoder = PageDecoder(
      layout: layout, table: try EventTable.read(tracefs, present.map { ($0.name, $0.reading) } + causes.readings))
    let instance = try TracingInstance.create(tracefs, owner: owner, settings: settings.buffer)
    var machine: MachineRecorder?
    var missingOfMachine: [String] = []
    var machineEvents: [EventName] = []
    if settings.recordsCauses {
      let new = try MachineRecorder.create(tracefs, owner: owner, layout: layout)
      missingOfMachine = new.missing
      machineEvents = new.recordedEvents
      machine = consume new
    }
    var probes = ProbeGroup(tracefs, owner: owner)
    let installed = try RecordedTrigger.install(settings.triggers, tracefs, &probes)
    let upcall = settings.countsUpcalls ? try probes.addReturnValue("upcall", of: Upcalls.function) : nil
    let call = settings.recordsReturnAddresses ? try probes.addReturnAddresses(of: settings.triggers) : nil
    let together = installed.count == 2 && installed[0].name == installed[1].name ? [installed[0]] : installed
    var triggerReadings: [(name: EventName, reading: RecordReading)] = []
    var recorder: TriggerRecorder?
    if !installed.isEmpty || upcall != nil {
      let new = try TriggerRecorder.create(
        tracefs, owner: owner, role: .triggers, layout: layout, together, upcall: upcall)
      triggerReadings += new.readings
      recorder = consume new
    }
    var apart: TriggerRecorder?
    if together.count < installed.count {
      let new = try TriggerRecorder.create(
        tracefs, owner: owner, role: .stopTrigger, layout: layout, Array(installed.dropFirst()))
      triggerReadings += new.readings
      apart = consume new
    }
    var calls: TriggerRecorder?
    if let call {
      let new = try TriggerRecorder.create(tracefs, owner: owner, role: .calls, layout: layout, [], calls: call)
      triggerReadings += new.readings
      calls = consume new
    }
    missingCauses = causes.missing + missingOfMachine
    self.causes = causes
    self.machineEvents = machineEvents
    triggerEvents = triggerReadings.map { ($0.name, $0.reading.kind) }
    self.machine = machine
    self.decoder = decoder
    events = present
    missingEvents = missing
    triggers = installed
    hasKernelProbes = upcall != nil || settings.triggers.contains { $0.probe.isKernelFunction }
    self.upcall = upcall
    looksBack = settings.looksBack
    pageSize = instance.pageSize
    self.instance = instance
    self.recorder = recorder
    self.apart = apart
    self.calls = calls
    self.probes = probes
  }

  /// The tracepoints that are asked for, by whether this kernel has them.
  private static func events(
    of settings: CaptureSettings, _ tracefs: any TracefsAccess
  ) throws(CaptureError) -> (present: [TracedEvent], missing: [TracedEvent]) {
    let missing = settings.events.filter { !tracefs.exists("events/\($0.name.path)/format") }
    if let essential = missing.first(where: \.isEssential) {
      throw CaptureError(
        .refused, "this kernel has no event \(essential.name) (CONFIG_FTRACE_SYSCALLS)",
        remedy: "use a kernel with syscall tracing; `kdelay-ftrace doctor` shows what this one has")
    }
    return (settings.events.filter { !missing.contains($0) }, missing)
  }

  /// What is recorded, in whatever instance.
  package var recordedEvents: [EventName] {
    events.map(\.name) + causes.readings.map(\.name) + machineEvents + triggerEvents.map(\.name)
  }

  /// Puts those of `tids` into the filter that are not in it, and returns them. The kernel's own list is looked at first: to
  /// write to it takes some milliseconds.
  package func watchMissing(_ tids: [Int32]) throws(CaptureError) -> [Int32] {
    let filter = Set(try instance.read("set_event_pid").split(separator: "\n").compactMap { Int32($0) })
    let missing = tids.filter { !filter.contains($0) }
    if !missing.isEmpty { try watch(tids: missing) }
    return missing
  }

  /// Opens the ring buffers of all instances. They have to be closed before the set-up goes.
  func openPages() throws(CaptureError) -> LivePages {
    let cpus = try instance.cpus()
    var pages = LivePages(pageSize: pageSize)
    try pages.add(instance, cpus: cpus, decoder: decoder)
    try machine?.open(&pages, cpus: cpus)
    try recorder?.open(&pages, cpus: cpus)
    try apart?.open(&pages, cpus: cpus)
    try calls?.open(&pages, cpus: cpus)
    return pages
  }

  /// Adds all threads of a process to the filter, and to those that are known. The filter follows forks by itself, so that it
  /// has all of them once their list has stayed the same. Throws where the process has ended.
  package func watch(_ process: TargetProcess, _ known: inout Set<Int32>) throws(CaptureError) {
    while case let new = try process.newThreads(&known), !new.isEmpty { try watch(tids: new) }
  }

  /// Adds tasks to the filter.
  package func watch(tids: [Int32]) throws(CaptureError) {
    try instance.watch(tids: tids)
    try recorder?.watch(tids: tids)
    try calls?.watch(tids: tids)
  }

  /// The number of bytes of buffer per CPU that can hold events before the oldest are overwritten.
  package var bufferBytes: Int {
    (try? instance.read("buffer_size_kb")).flatMap { Int($0.prefix(while: \.isNumber)) }.map { $0 * 1024 } ?? 0
  }

  // MARK: Starting and stopping

  /// Enables the events and starts to record. `tids`: the target's tasks now.
  package mutating func start(tids: [Int32]) throws(CaptureError) {
    // Where a thread is known to run, it shall be known what the machine did before.
    try machine?.start()
    try causes.start(instance)
    try instance.set("tracing_on", "1")
    let first = triggers.first { $0.kind != .stopTrigger }
    if let first, !looksBack { try openGate(on: first) }
    for event in events {
      if gate == nil || !event.isGated { try instance.enable(event.name) }
    }
    try calls?.start()
    for trigger in triggers {
      try recorder?.enable(trigger)
      try apart?.enable(trigger)
    }
    if let stop = triggers.first(where: { $0.kind == .stopTrigger }) {
      try? gate?.close(on: stop, tids: stop.isUserSpace ? tids : nil, instance)
    }
    // A trigger counts only when all that belongs to its window is there.
    try recorder?.start()
    try apart?.start()
  }

  private mutating func openGate(on trigger: RecordedTrigger) throws(CaptureError) {
    var gate = EventGate(available: events)
    do {
      try gate.open(on: trigger, instance)
      self.gate = gate
    } catch {
      gate.remove(instance)
      gateRefusal = error.what
    }
  }

  /// Takes one of the steps after which the kernel records data between windows too; `gate.closes` says whether more follow.
  package mutating func widenGate() throws(CaptureError) { try gate?.widen(instance) }

  /// Stops recording; what was recorded can still be drained.
  package func stop() throws(CaptureError) {
    try instance.set("tracing_on", "0")
    try machine?.stop()
    try recorder?.stop()
    try apart?.stop()
    try calls?.stop()
  }

  /// What the kernel's own probes have missed since this was asked last, for want of room for another call in flight.
  package mutating func newMisses() -> (triggers: UInt64, upcalls: UInt64) {
    var triggers: UInt64 = 0
    var upcalls: UInt64 = 0
    for (event, count) in probes.misses() {
      let new = count - min(missesSeen[event] ?? 0, count)
      missesSeen[event] = count
      if event == upcall { upcalls += new } else { triggers += new }
    }
    return (triggers, upcalls)
  }

  /// Removes the instances and probes.
  package consuming func close() throws(CaptureError) {
    try instance.close()
    try machine?.close()
    try recorder?.close()
    try apart?.close()
    try calls?.close()
    try probes.remove()
  }
}
