internal import Glibc
internal import SystemPackage
package import TraceFormat
package import TraceModel

/// What a capture is asked for.
package struct CaptureSettings: Sendable {
  package var buffer: BufferSettings
  /// At most one that starts and one that stops, or one that does both.
  package var triggers: [Trigger]
  /// Whether Open vSwitch's upcalls are recorded; see `Upcalls`.
  package var countsUpcalls: Bool
  /// Whether it is recorded who wakes the target's threads.
  package var recordsWakers: Bool
  /// Whether it is recorded where functions return to whose return a trigger waits for: stacks need it.
  package var recordsReturnAddresses: Bool

  package init(
    bufferKiB: Int, triggers: [Trigger] = [], countsUpcalls: Bool = false, recordsWakers: Bool = false,
    recordsReturnAddresses: Bool = false
  ) {
    buffer = BufferSettings(bufferKiB: bufferKiB)
    self.triggers = triggers
    self.countsUpcalls = countsUpcalls
    self.recordsWakers = recordsWakers
    self.recordsReturnAddresses = recordsReturnAddresses
  }

  /// The tracepoints that it takes.
  var events: [TracedEvent] { TracedEvent.allCases.filter { $0 != .waking || recordsWakers } }
}

/// A running capture: instance, per-CPU pages, decoder and merger together.
///
/// The read policy, by measurement: per CPU, read pages until an event is younger than the drain needs, or nothing is left;
/// then leave the CPU alone for a while. Reading on would copy a few events at a time from the page that is being written,
/// which slows the traced program and loses events at full rate.
package struct Capture: ~Copyable {
  private var readers: RawPageReaders
  private var merger: EventMerger
  /// Of the data, of the triggers, of those that are recorded apart, and of calls.
  private let decoders: [PageDecoder]
  /// Streams of each of them; positions count through all.
  private let cpuCount: Int
  /// Bytes of a sub-buffer.
  package let pageSize: Int
  /// Names that events carry, by index.
  package var names = NameTable()
  package private(set) var loss = Loss()
  /// Lost triggers by position.
  private var lostTriggers: [Int: UInt64] = [:]
  private var missesSeen: [EventName: UInt64] = [:]
  package private(set) var eventsRead: UInt64 = 0
  package private(set) var bytesRead: UInt64 = 0
  /// Tracepoints that are recorded.
  private let events: [TracedEvent]
  /// Tracepoints that would be, but this kernel lacks.
  package let missingEvents: [TracedEvent]
  private let triggers: [RecordedTrigger]
  private let upcall: EventName?
  package private(set) var gate: EventGate?
  package private(set) var instance: TracingInstance
  private var recorder: TriggerRecorder?
  /// For a stop trigger at the start trigger's own tracepoint with another filter: an instance has one filter an event.
  private var apart: TriggerRecorder?
  /// Of the calls that return triggers wait for.
  private var calls: TriggerRecorder?
  /// The first of its streams.
  private let firstCall: Int
  private var probes: ProbeGroup

  /// Pages of one CPU that are read before the others get their turn: bounds memory when the reader was held up.
  private static let pagesPerTurn = 64
  /// An event is time-stamped before it can be read; an interrupt, or the host of a virtual CPU, can hold up its writer in
  /// between for this long, ns. Events are taken for complete only up to this long ago.
  package static let settlingTime: UInt64 = 5_000_000

  /// Sets the capture up, recording nothing yet.
  package init(
    _ tracefs: any TracefsAccess, owner: InstanceOwner = .current, settings: CaptureSettings
  ) throws(CaptureError) {
    let missing = settings.events.filter { !tracefs.exists("events/\($0.name.path)/format") }
    if let essential = missing.first(where: \.isEssential) {
      throw CaptureError(
        .refused, "this kernel has no event \(essential.name) (CONFIG_FTRACE_SYSCALLS)",
        remedy: "use a kernel with syscall tracing; `kdelay-ftrace doctor` shows what this one has")
    }
    let layout = try PageLayout.read(tracefs)
    let present = settings.events.filter { !missing.contains($0) }
    let table = try EventTable.read(tracefs, present.map { ($0.name, $0.reading) })
    let instance = try TracingInstance.create(tracefs, owner: owner, settings: settings.buffer)
    var probes = ProbeGroup(tracefs, owner: owner)
    let installed = try RecordedTrigger.install(settings.triggers, tracefs, &probes)
    let upcall = settings.countsUpcalls ? try probes.addReturnValue("upcall", of: Upcalls.function) : nil
    let call = settings.recordsReturnAddresses ? try probes.addReturnAddresses(of: settings.triggers) : nil
    let together = installed.count == 2 && installed[0].name == installed[1].name ? [installed[0]] : installed
    var recorder: TriggerRecorder?
    if !installed.isEmpty || upcall != nil {
      let new = try TriggerRecorder.create(
        tracefs, owner: owner, purpose: .triggers, layout: layout, together, upcall: upcall)
      recorder = consume new
    }
    var apart: TriggerRecorder?
    if together.count < installed.count {
      let new = try TriggerRecorder.create(
        tracefs, owner: owner, purpose: .stopTrigger, layout: layout, Array(installed.dropFirst()))
      apart = consume new
    }
    var calls: TriggerRecorder?
    if let call {
      let new = try TriggerRecorder.create(
        tracefs, owner: owner, purpose: .calls, layout: layout, [], calls: call)
      calls = consume new
    }
    let cpus = try instance.cpus()
    let pageSize = instance.pageSize
    var readers = RawPageReaders(pageSize: pageSize)
    try readers.add(instance, cpus: cpus)
    try recorder?.addPipes(to: &readers, cpus: cpus)
    try apart?.addPipes(to: &readers, cpus: cpus)
    let firstCall = readers.cpus.count
    try calls?.addPipes(to: &readers, cpus: cpus)
    decoders =
      [PageDecoder(layout: layout, table: table)]
      + [recorder?.decoder, apart?.decoder, calls?.decoder].compactMap { $0 }
    merger = EventMerger(dataStreams: cpus.count, triggerStreams: readers.cpus.count - cpus.count)
    cpuCount = cpus.count
    self.firstCall = firstCall
    events = present
    missingEvents = missing
    triggers = installed
    hasKernelProbes = upcall != nil || settings.triggers.contains { $0.probe.isKernelFunction }
    self.upcall = upcall
    self.pageSize = pageSize
    self.readers = readers
    self.instance = instance
    self.recorder = recorder
    self.apart = apart
    self.calls = calls
    self.probes = probes
  }

  /// Adds tasks to the filter.
  package func watch(tids: [Int32]) throws(CaptureError) {
    try instance.watch(tids: tids)
    try recorder?.watch(tids: tids)
    try calls?.watch(tids: tids)
  }

  // MARK: Starting and stopping

  /// Enables the events and starts to record. `tids`: the target's tasks now.
  package mutating func start(tids: [Int32]) throws(CaptureError) {
    try instance.set("tracing_on", "1")
    let first = triggers.first { $0.kind != .stopTrigger }
    if let first { try openGate(on: first) }
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

  /// Why the data events are not gated though a start trigger is waited for.
  package private(set) var gateRefusal: String?

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
    try recorder?.stop()
    try apart?.stop()
    try calls?.stop()
  }

  /// Reads what the CPUs have recorded. All events before the returned time (ns) are here now; `wasBusy` says that there
  /// was more than one turn takes.
  package mutating func drain() -> (complete: UInt64, wasBusy: Bool) {
    let now = MonotonicClock.now
    let settled = now > Self.settlingTime ? now - Self.settlingTime : 0
    var complete = settled
    var wasBusy = false
    for position in readers.cpus.indices where !drain(at: position, upTo: settled) {
      wasBusy = true
      complete = min(complete, merger.lastTimestamp(at: position))
    }
    return (complete, wasBusy)
  }

  /// Reads one stream's pages up to the first event at or after `time`, or all there are; false where a turn was not enough.
  private mutating func drain(at position: Int, upTo time: UInt64) -> Bool {
    let cpu = readers.cpus[position]
    let decoder = decoders[position / cpuCount]
    for _ in 0..<Self.pagesPerTurn {
      guard let page = readers.next(at: position) else { return true }
      let lastKnown = max(merger.lastTimestamp(at: position), merger.watermark)
      let (summary, gap) = merger.append(to: position) { events in
        let gap = events.count
        let summary = decoder.decode(
          page, cpu: UInt16(truncatingIfNeeded: cpu), lastKnown: lastKnown, into: &events, names: &names)
        return (summary, gap)
      }
      note(summary)
      if let missed = summary.missed {
        let lost = noteLoss(missed, at: position)
        let isTriggers = position >= cpuCount
        // Without a call a stack has a gap, but no window is missing.
        let isCalls = position >= firstCall
        merger.append(to: position) { events in
          events[gap].value = isCalls ? 0 : Int64(lost)
          guard isTriggers else { return }
          events[gap].kind = .lostTriggers
          events[gap + 1].kind = .lostTriggers
        }
      }
      if merger.lastTimestamp(at: position) >= time { return true }
    }
    return false
  }

  private mutating func note(_ summary: PageSummary) {
    eventsRead += UInt64(summary.events)
    bytesRead += UInt64(summary.length)
    loss.undecodable += UInt64(summary.undecodable) + (summary.status == .complete ? 0 : 1)
  }

  /// How many events a gap has cost. A page says that events are missing before it, but has not always room for how many
  /// (-1): then it is what the kernel has counted in all, less the gaps before. That can take in some that a later page
  /// tells of; they are not counted again there.
  private mutating func noteLoss(_ missed: Int64, at position: Int) -> UInt64 {
    let cpu = readers.cpus[position]
    let isTriggers = position >= cpuCount
    let before = (isTriggers ? lostTriggers[position] : loss.eventsByCPU[cpu]) ?? 0
    let counted = max(overrun(at: position), before) - before
    let lost = missed < 0 ? counted : min(UInt64(missed), counted)
    if isTriggers {
      lostTriggers[position] = before + lost
    } else {
      loss.eventsByCPU[cpu] = before + lost
    }
    return lost
  }

  private func overrun(at position: Int) -> UInt64 {
    let cpu = readers.cpus[position]
    return switch position / cpuCount {
    case 0: instance.overrun(cpu: cpu)
    case 1: recorder?.overrun(cpu: cpu) ?? 0
    case _ where position >= firstCall: calls?.overrun(cpu: cpu) ?? 0
    default: apart?.overrun(cpu: cpu) ?? 0
    }
  }

  /// Whether there are probes that the kernel can miss.
  package let hasKernelProbes: Bool

  /// Everything before this, ns, was passed on.
  package var released: UInt64 { merger.watermark }

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

  /// Passes on, in order, events before `limit` (ns); see `EventMerger.release`.
  package mutating func release(
    before limit: UInt64, _ consume: (UnsafeBufferPointer<Event>) -> (count: Int, stops: Bool)
  ) -> Event? {
    let stop = merger.release(before: limit, consume)
    loss.late = merger.late
    return stop
  }

  /// Bytes of buffer per CPU that can hold events before the oldest are overwritten.
  package var bufferBytes: Int {
    (try? instance.read("buffer_size_kb")).flatMap { Int($0.prefix(while: \.isNumber)) }.map { $0 * 1024 } ?? 0
  }

  /// Closes the pipes and removes the instances and probes.
  package consuming func close() throws(CaptureError) {
    _ = consume readers
    try instance.close()
    try recorder?.close()
    try apart?.close()
    try calls?.close()
    try probes.remove()
  }
}
