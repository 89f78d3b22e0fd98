internal import TraceFormat

/// The dynamic events (kprobes and uprobes) of one capture: a group of their own, since dynamic events are global. Removed
/// when their owner goes; until then no instance may use them any more.
package struct ProbeGroup: ~Copyable {
  private let tracefs: any TracefsAccess
  private let owner: InstanceOwner
  private var events: [EventName] = []

  init(_ tracefs: any TracefsAccess, owner: InstanceOwner) {
    self.tracefs = tracefs
    self.owner = owner
  }

  deinit { try? Self.remove(events, tracefs) }

  /// Creates the event `label`, which stands for any of the probe's sites.
  mutating func add(_ label: String, _ probe: TriggerProbe) throws(CaptureError) -> EventName {
    // Profiles list events without their group, so that the name has to be unique too.
    let event = EventName(owner.probeGroupName, "\(label)_\(owner.pid)")
    if case .tracepoint(let name, _) = probe { return name }
    if let (file, feature) = probe.neededFeature { try require(file, feature) }
    // From the second on they are added to the event.
    for definition in probe.definitions(of: event) { try define(definition, event) }
    return event
  }

  /// Creates a probe of the entries of functions whose return one of the triggers waits for. It records `ra`, where they return
  /// to, and `sp`, the stack pointer's lower half: a moment later the kernel puts an address of its own in `ra`'s place.
  /// Nil where there are none.
  mutating func addReturnAddresses(of triggers: [Trigger]) throws(CaptureError) -> EventName? {
    var defined: [UserProbeSite] = []
    let event = EventName(owner.probeGroupName, "call_\(owner.pid)")
    #if arch(arm64)
      let address = "%x30"
    #else
      let address = "+0(%sp)"
    #endif
    for trigger in triggers {
      guard case .userSites(let sites, isReturn: true) = trigger.probe else { continue }
      for site in sites where !defined.contains(where: { $0.path == site.path && $0.offset == site.offset }) {
        let offset = String(site.offset, radix: 16)
        try define("p:\(event.path) \(site.path):0x\(offset) ra=\(address):u64 sp=%sp:u32", event)
        defined.append(site)
      }
    }
    return defined.isEmpty ? nil : event
  }

  /// Creates a return probe of a kernel function that records `ret`, its return value of 32 bits.
  mutating func addReturnValue(_ label: String, of function: String) throws(CaptureError) -> EventName {
    let event = EventName(owner.probeGroupName, "\(label)_\(owner.pid)")
    try define("r\(TriggerProbe.mostInFlight):\(event.path) \(function) ret=$retval:s32", event)
    return event
  }

  private func require(_ file: String, _ feature: String) throws(CaptureError) {
    guard tracefs.exists(file) else {
      throw CaptureError(
        .refused, "this kernel has no \(feature)", remedy: "use another kind of trigger; see `kdelay-ftrace doctor`")
    }
  }

  private mutating func define(_ definition: String, _ event: EventName) throws(CaptureError) {
    do { try tracefs.write(definition, to: "dynamic_events", append: true) } catch {
      guard error.code == .refused else { throw error }
      let place = definition.drop { $0 != " " }.dropFirst()
      throw CaptureError(
        .refused,
        "the kernel refused a probe at \(place): \(KernelReason.read(tracefs, for: definition) ?? error.what)",
        remedy: "choose another place; `kdelay-ftrace list` shows what can be one")
    }
    if !events.contains(event) { events.append(event) }
  }

  /// Calls that the kernel's own probes have missed so far, by event.
  func misses() -> [EventName: UInt64] {
    guard let text = try? tracefs.read("kprobe_profile") else { return [:] }
    var misses: [EventName: UInt64] = [:]
    for line in text.split(separator: "\n") {
      // EVENT HITS MISSES
      let columns = line.split(separator: " ")
      guard columns.count == 3, let count = UInt64(columns[2]),
        let event = events.first(where: { $0.name == columns[0] })
      else { continue }
      misses[event] = count
    }
    return misses
  }

  consuming func remove() throws(CaptureError) {
    let removed = events
    events = []
    try Self.remove(removed, tracefs)
  }

  private static func remove(_ events: [EventName], _ tracefs: any TracefsAccess) throws(CaptureError) {
    var failure: CaptureError?
    for event in events {
      do throws(CaptureError) { try tracefs.write("-:\(event.path)", to: "dynamic_events", append: true) } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}
