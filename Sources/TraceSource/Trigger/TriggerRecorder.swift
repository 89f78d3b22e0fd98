internal import TraceFormat
internal import TraceModel

/// A trigger as the kernel has it.
struct RecordedTrigger: Sendable {
  var name: EventName
  var kind: EventKind
  var filter: String?
  var isUserSpace: Bool
  var isTargetsOwn: Bool

  /// Creates what the triggers need.
  static func install(
    _ triggers: [Trigger], _ tracefs: any TracefsAccess, _ probes: inout ProbeGroup
  ) throws(CaptureError) -> [RecordedTrigger] {
    var installed: [RecordedTrigger] = []
    for trigger in triggers {
      let name = try probes.add(trigger.kind == .stopTrigger ? "stop" : "start", trigger.probe)
      guard tracefs.exists("events/\(name.path)/format") else {
        throw CaptureError(
          .refused, "this kernel has no event \(name)", remedy: "`kdelay-ftrace list 't:*'` shows those it has")
      }
      installed.append(
        RecordedTrigger(
          name: name, kind: trigger.kind, filter: trigger.probe.filter, isUserSpace: trigger.probe.isUserSpace,
          isTargetsOwn: trigger.probe.isTargetsOwn))
    }
    return installed
  }
}

/// Records triggers and upcalls in an instance of their own: no loss of data loses a trigger, and one that any process may
/// cause is not held back by the pid filter. Calls that return triggers wait for have one more instance, which is always
/// filtered: those of all processes would push triggers out.
struct TriggerRecorder: ~Copyable {
  private let triggers: [RecordedTrigger]
  private let upcall: EventName?
  /// The event of the calls that return triggers wait for.
  private let calls: EventName?
  private let role: PageStream.Role
  private let decoder: PageDecoder
  private var instance: TracingInstance

  /// Creates the instance; no event is enabled yet.
  static func create(
    _ tracefs: any TracefsAccess, owner: InstanceOwner, role: PageStream.Role, layout: PageLayout,
    _ triggers: [RecordedTrigger], upcall: EventName? = nil, calls: EventName? = nil
  ) throws(CaptureError) -> TriggerRecorder {
    let readings = readings(triggers, upcall: upcall, calls: calls)
    let table = try EventTable.read(tracefs, readings)
    let instance = try TracingInstance.create(
      tracefs, owner: owner, purpose: InstanceOwner.Purpose(role), settings: BufferSettings(bufferKiB: 4096))
    let recorder = TriggerRecorder(
      triggers: triggers, upcall: upcall, calls: calls, role: role,
      decoder: PageDecoder(layout: layout, table: table), instance: instance)
    for trigger in triggers { try recorder.setFilter(of: trigger) }
    return recorder
  }

  private static func readings(_ triggers: [RecordedTrigger], upcall: EventName?, calls: EventName?) -> [(
    name: EventName, reading: RecordReading
  )] {
    triggers.map { ($0.name, RecordReading($0.kind)) }
      + [upcall.map { ($0, .upcall) }, calls.map { ($0, .returnAddress) }].compactMap { $0 }
  }

  /// What is recorded, and how it is read.
  var readings: [(name: EventName, reading: RecordReading)] { Self.readings(triggers, upcall: upcall, calls: calls) }

  private init(
    triggers: [RecordedTrigger], upcall: EventName?, calls: EventName?, role: PageStream.Role,
    decoder: PageDecoder, instance: consuming TracingInstance
  ) {
    self.triggers = triggers
    self.upcall = upcall
    self.calls = calls
    self.role = role
    self.decoder = decoder
    self.instance = instance
  }

  private func setFilter(of trigger: RecordedTrigger) throws(CaptureError) {
    guard let filter = trigger.filter else { return }
    do { try instance.set("events/\(trigger.name.path)/filter", filter) } catch {
      let reason = instance.reason(for: filter) ?? error.what
      throw CaptureError(
        .refused, "the kernel refused the filter '\(filter)' of \(trigger.name): \(reason)",
        remedy: "its fields are in \(instance.root)/events/\(trigger.name.path)/format")
    }
  }

  /// Adds tasks to the filter, where nothing that is recorded here is for any process and not everything is the target's own.
  func watch(tids: [Int32]) throws(CaptureError) {
    let isForAny = upcall != nil || !triggers.allSatisfy(\.isUserSpace)
    guard calls != nil || !isForAny && !triggers.allSatisfy(\.isTargetsOwn) else { return }
    try instance.watch(tids: tids)
  }

  /// Opens the ring buffers of the recorder's instance.
  func open(_ pages: inout LivePages, cpus: [Int]) throws(CaptureError) {
    try pages.add(instance, cpus: cpus, role: role, decoder: decoder)
  }

  /// Starts to record what is enabled, calls and upcalls. Calls have to be recorded before the triggers that wait for them.
  func start() throws(CaptureError) {
    if let calls { try instance.enable(calls) }
    if let upcall { try instance.enable(upcall) }
    try instance.set("tracing_on", "1")
  }

  /// Enables `trigger`, if it is one of this recorder's.
  func enable(_ trigger: RecordedTrigger) throws(CaptureError) {
    guard triggers.contains(where: { $0.kind == trigger.kind }) else { return }
    do { try instance.enable(trigger.name) } catch {
      guard error.code == .refused, trigger.isUserSpace else { throw error }
      throw CaptureError(
        .refused, "the kernel refused to put the probe of \(trigger.name) in place: \(error.what)",
        remedy:
          "reasons are an instruction that this kernel cannot probe, and another tracer's probe at the same place with "
          + "another reference counter; dmesg tells")
    }
  }

  func stop() throws(CaptureError) { try instance.set("tracing_on", "0") }

  consuming func close() throws(CaptureError) { try instance.close() }
}

extension InstanceOwner.Purpose {
  /// Which instance the ring buffers of a role are in.
  fileprivate init(_ role: PageStream.Role) {
    self =
      switch role {
      case .data: .data
      case .triggers: .triggers
      case .stopTrigger: .stopTrigger
      case .calls: .calls
      }
  }
}
