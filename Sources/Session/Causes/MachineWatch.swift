internal import TraceModel

/// What control groups and the machine do to the target in a window, by asking at its edges, and for freezers in between: no event
/// tells of them.
struct MachineWatch {
  /// The most processes that are looked at: of the others nothing is known.
  private static let mostProcesses = 1024
  /// The shortest pause between two looks for freezers, ns.
  private static let interval: UInt64 = 50_000_000

  private let facts: any TargetFacts
  private var budget = LookBudget(interval: interval)
  /// The first look of this window at each process.
  private var first: [Int32: ControlGroupFacts] = [:]
  private var pressure: PressureFacts?
  /// The processes that a look of this window has found frozen.
  private var frozen: Set<Int32> = []

  init(_ facts: any TargetFacts) { self.facts = facts }

  /// A window opens. `processes`: those of the target that live.
  mutating func open(_ processes: [Int32]) {
    first = [:]
    frozen = []
    for pid in processes.prefix(Self.mostProcesses) { look(at: pid) }
    pressure = facts.pressure()
  }

  /// Looks for freezers, if it is time to. `processes`: those of the target that live.
  mutating func follow(_ processes: @autoclosure () -> [Int32]) {
    let start = facts.now
    guard budget.allows(at: start) else { return }
    for pid in processes().prefix(Self.mostProcesses) { look(at: pid) }
    budget.spent(from: start, to: facts.now)
  }

  private mutating func look(at pid: Int32) {
    guard let now = facts.controlGroup(of: pid) else { return }
    if first[pid] == nil, first.count < Self.mostProcesses { first[pid] = now }
    if now.isFrozen { frozen.insert(pid) }
  }

  /// The window closes. `processes`: those of the target that live.
  func close(_ processes: [Int32]) -> MachineObservation {
    var machine = MachineObservation()
    for pid in processes.prefix(Self.mostProcesses) {
      guard let now = facts.controlGroup(of: pid) else { continue }
      let before = first[pid] ?? now
      var limits = MachineObservation.ProcessLimits(path: now.path, hasQuota: now.hasQuota)
      // Where it was moved to another group, that one's account says nothing of it.
      if before.path == now.path, before.hasQuota, now.throttledTime > before.throttledTime {
        limits.throttledTime = now.throttledTime - before.throttledTime
      }
      limits.wasFrozen = now.isFrozen || frozen.contains(pid)
      machine.limits[pid] = limits
    }
    // Of those that have ended since, the earlier looks tell.
    for pid in frozen where machine.limits[pid] == nil {
      machine.limits[pid] = MachineObservation.ProcessLimits(
        path: first[pid]?.path ?? "", hasQuota: first[pid]?.hasQuota ?? false, wasFrozen: true)
    }
    machine.pressure = pressureSinceOpening()
    return machine
  }

  private func pressureSinceOpening() -> [String: UInt64] {
    guard let before = pressure?.some, let now = facts.pressure()?.some else { return [:] }
    return now.reduce(into: [:]) { result, entry in
      if let earlier = before[entry.key] { result[entry.key] = entry.value - min(earlier, entry.value) }
    }
  }
}
