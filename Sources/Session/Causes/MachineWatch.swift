internal import TraceModel

/// What control groups and the machine do to the target in a window, by asking at its edges, and for freezers in between: no event
/// tells of them.
struct MachineWatch {
  /// The most processes that are looked at: of the others nothing is known.
  private static let mostProcesses = 1024
  /// The most threads whose page faults are asked for.
  private static let mostThreads = 1024
  /// The shortest pause between two looks for freezers, ns.
  private static let interval: UInt64 = 50_000_000

  private let facts: any TargetFacts
  private var budget = LookBudget(interval: interval)
  /// The first look of this window at each process.
  private var first: [Int32: ControlGroupFacts] = [:]
  private var pressure: PressureFacts?
  /// How many page faults the threads had waited for a disk in, when the window opened.
  private var majorFaults: [Int32: UInt64] = [:]
  /// The processes that a look of this window has found frozen.
  private var frozen: Set<Int32> = []

  init(_ facts: any TargetFacts) { self.facts = facts }

  /// A window opens. `processes`: those of the target that live.
  mutating func open(_ processes: [Int32]) {
    first = [:]
    frozen = []
    for pid in processes.prefix(Self.mostProcesses) { look(at: pid) }
    pressure = facts.pressure()
    majorFaults = countMajorFaults(processes)
  }

  /// The number of page faults of each thread since the window opened that had to wait for a disk, by the kernel's count. Threads that came
  /// since have had all of theirs in it.
  func majorFaultsSinceOpening(_ processes: [Int32]) -> [Int32: UInt64] {
    countMajorFaults(processes).reduce(into: [:]) { result, entry in
      result[entry.key] = entry.value - min(majorFaults[entry.key] ?? 0, entry.value)
    }
  }

  private func countMajorFaults(_ processes: [Int32]) -> [Int32: UInt64] {
    var counts: [Int32: UInt64] = [:]
    for pid in processes.prefix(Self.mostProcesses) {
      for tid in facts.threads(of: pid) ?? [] where counts.count < Self.mostThreads {
        counts[tid] = facts.thread(tid, of: pid)?.majorFaults
      }
    }
    return counts
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
