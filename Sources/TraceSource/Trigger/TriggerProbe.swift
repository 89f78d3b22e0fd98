package import TraceFormat
package import TraceModel

/// Where the kernel is told to notice a trigger.
package enum TriggerProbe: Sendable, Equatable {
  /// An event of the running kernel, for any process; the filter is in the kernel's own words.
  case tracepoint(EventName, filter: String?)
  /// `FUNCTION[+OFFSET]` or `MODULE:FUNCTION` of the kernel, for any process.
  case kernelFunction(String, isReturn: Bool)
  /// All sites of one user-space probe, for the target only.
  case userSites([UserProbeSite], isReturn: Bool)

  /// Whether only the target's own tasks can cause it.
  package var isUserSpace: Bool {
    if case .userSites = self { return true }
    return false
  }

  /// Whether hardly anybody but the target causes it, so that a pid filter, which costs at each switch and wake-up, can be
  /// done without.
  var isTargetsOwn: Bool {
    if case .userSites(let sites, _) = self { return sites.allSatisfy { !$0.isShared } }
    return false
  }

  var isKernelFunction: Bool {
    if case .kernelFunction = self { return true }
    return false
  }

  /// A tracepoint's filter, in the kernel's own words.
  var filter: String? {
    if case .tracepoint(_, let filter) = self { return filter }
    return nil
  }

  // MARK: What the kernel is told (Documentation/trace/kprobetrace.rst, uprobetracer.rst)

  /// The most calls of a function that a return probe can wait for at once: KRETPROBE_MAXACTIVE_MAX of
  /// kernel/trace/trace_kprobe.c. Fewer would mean missed returns where many tasks are inside at once.
  static let mostInFlight = 4096

  /// The file of tracefs that is there where the kernel has such probes, and their name; nil where nothing special is needed.
  var neededFeature: (file: String, name: String)? {
    switch self {
    case .tracepoint: nil
    case .kernelFunction: ("kprobe_events", "kprobes (CONFIG_KPROBE_EVENTS)")
    case .userSites: ("uprobe_events", "uprobes (CONFIG_UPROBE_EVENTS)")
    }
  }

  /// The lines that define the dynamic event `event`, which stands for any of the probe's sites.
  func definitions(of event: EventName) -> [String] {
    switch self {
    case .tracepoint: []
    case .kernelFunction(let function, let isReturn):
      ["\(isReturn ? "r\(Self.mostInFlight)" : "p"):\(event.path) \(function)"]
    case .userSites(let sites, let isReturn):
      sites.map { site in
        let semaphore = site.semaphoreOffset == 0 ? "" : "(0x\(String(site.semaphoreOffset, radix: 16)))"
        let offset = String(site.offset, radix: 16)
        return "\(isReturn ? "r" : "p"):\(event.path) \(site.path):0x\(offset)\(semaphore)"
      }
    }
  }
}

/// One instruction of a file that user space runs.
package struct UserProbeSite: Sendable, Equatable {
  /// Whether other processes may come past it: a library's, or a program's that runs more than once.
  package var isShared: Bool
  /// The file's path as this process can open it, without white space or line ends (the kernel splits at them).
  package var path: String
  /// The number of bytes from the start of the file to the instruction.
  package var offset: UInt64
  /// Where in the file a USDT semaphore lies, a counter of 16 bits that the kernel raises while the probe is there; 0 for none.
  package var semaphoreOffset: UInt64

  package init(path: String, offset: UInt64, semaphoreOffset: UInt64 = 0, isShared: Bool = true) {
    self.isShared = isShared
    self.path = path
    self.offset = offset
    self.semaphoreOffset = semaphoreOffset
  }
}

/// A probe and what it does to windows.
package struct Trigger: Sendable, Equatable {
  package var probe: TriggerProbe
  /// One of the trigger kinds.
  package var kind: EventKind

  package init(_ probe: TriggerProbe, kind: EventKind) {
    self.probe = probe
    self.kind = kind
  }

  /// What start and stop trigger make: one trigger where both are the same probe.
  package static func pair(start: TriggerProbe?, stop: TriggerProbe?) -> [Trigger] {
    if let start, start == stop { return [Trigger(start, kind: .startStopTrigger)] }
    return [start.map { Trigger($0, kind: .startTrigger) }, stop.map { Trigger($0, kind: .stopTrigger) }]
      .compactMap { $0 }
  }
}
