/// What limits the control groups of a process put on it, at one moment: of its own groups, and of those above them.
package struct ControlGroupFacts: Sendable, Equatable {
  /// The path of the group that has the quota, or of the process's own where none has; as /proc/PID/cgroup has it.
  package var path: String
  /// Whether one of the groups has a quota of CPU time.
  package var hasQuota: Bool
  /// The number of periods so far in which a group with a quota had used it up.
  package var throttledPeriods: UInt64
  /// How long groups with a quota were throttled so far, ns, summed up over CPUs.
  package var throttledTime: UInt64
  /// Whether a freezer holds the process now.
  package var isFrozen: Bool

  package init(
    path: String, hasQuota: Bool = false, throttledPeriods: UInt64 = 0, throttledTime: UInt64 = 0,
    isFrozen: Bool = false
  ) {
    self.path = path
    self.hasQuota = hasQuota
    self.throttledPeriods = throttledPeriods
    self.throttledTime = throttledTime
    self.isFrozen = isFrozen
  }
}

/// How long tasks have waited for resources of the machine so far (PSI, Documentation/accounting/psi.rst), ns.
package struct PressureFacts: Sendable, Equatable {
  /// The time in which some tasks waited, by resource: "cpu", "io", "memory".
  package var some: [String: UInt64]

  package init(some: [String: UInt64]) { self.some = some }
}
