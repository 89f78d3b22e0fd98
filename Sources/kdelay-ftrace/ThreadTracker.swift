internal import Aggregator
internal import TraceModel
internal import TraceSource

/// Knows the target's threads from /proc: tells the aggregator what no event does.
struct ThreadTracker {
  private let target: TargetProcess
  /// The last look at each thread of which the events have not told enough yet.
  private var glances: [Int32: ThreadGlance] = [:]
  private var recent: [Int32: (glance: ThreadGlance?, at: UInt64)] = [:]
  /// Tids that were put back into the kernel's filter, and since when; ns.
  private var refiltered: [(tid: Int32, at: UInt64)] = []
  private var gapsSeen = 0

  init(_ target: TargetProcess) { self.target = target }

  /// Puts all threads into the capture's filter. The filter follows forks by itself from then on, so that the list is
  /// complete once it has stayed the same.
  func watchAll(_ capture: borrowing Capture) throws(CaptureError) {
    var known: Set<Int32> = []
    while case let new = try target.newThreads(&known), !new.isEmpty { try capture.watch(tids: new) }
  }

  /// Looks at all threads, and makes them known to the aggregator.
  mutating func lookAtAll(_ aggregator: inout Aggregator, _ names: (String) -> NameID, at time: UInt64) {
    for tid in target.threads {
      guard let glance = ThreadGlance.look(at: tid, of: target.pid) else { continue }
      glances[tid] = glance
      aggregator.observe(Self.observation(glance, names), at: time)
    }
  }

  /// Settles, before a window closes, the threads that no event has told of: a thread without a switch has been running,
  /// or waiting for a CPU, all along, and one without a syscall has been on one side of it. `isGated`: syscalls were not
  /// recorded since the thread was looked at, so that its clock ticks tell only if all are of one kind.
  mutating func settleSilent(_ aggregator: inout Aggregator, isGated: Bool) {
    let now = MonotonicClock.now
    for silent in aggregator.silentThreads {
      guard let now = latest(silent.tid, at: now) else { continue }
      // One that was born since has counted from 0.
      let before = glances[silent.tid]
      let user = now.status.userTicks &- (before?.status.userTicks ?? 0)
      let kernel = now.status.kernelTicks &- (before?.status.kernelTicks ?? 0)
      let hasRun = silent.isRunning || user + kernel > 0 || now.runTime ?? 0 > before?.runTime ?? 0
      var mode: ThreadObservation.Mode = user > kernel ? .user : kernel > user ? .syscall : .unknown
      if isGated, user > 0, kernel > 0 { mode = .unknown }
      aggregator.resolve(tid: silent.tid, running: hasRun, mode: mode)
    }
  }

  /// A look at a thread, at most 100 ms old: thousands of windows may close within that.
  private mutating func latest(_ tid: Int32, at now: UInt64) -> ThreadGlance? {
    if let recent = recent[tid], now &- recent.at < 100_000_000 { return recent.glance }
    let glance = ThreadGlance.look(at: tid, of: target.pid)
    recent[tid] = (glance, now)
    return glance
  }

  /// After events up to `time` have been consumed: does what they call for. Gaps: threads may have come and gone unseen.
  /// An exec by a thread other than the leader: its new tid has to go back into the filter.
  mutating func follow(
    _ aggregator: inout Aggregator, _ capture: borrowing Capture, _ names: (String) -> NameID, upTo time: UInt64
  ) throws(CaptureError) {
    for entry in refiltered where entry.at <= time { aggregator.refiltered(tid: entry.tid, at: entry.at) }
    refiltered.removeAll { $0.at <= time }
    for tid in aggregator.unfilteredTIDs where !refiltered.contains(where: { $0.tid == tid }) {
      try capture.watch(tids: [tid])
      refiltered.append((tid, MonotonicClock.now))
    }
    guard aggregator.gapCount != gapsSeen else { return }
    gapsSeen = aggregator.gapCount
    let alive = target.threads.compactMap { ThreadGlance.look(at: $0, of: target.pid) }
    for glance in alive { glances[glance.tid] = glance }
    aggregator.reconcile(alive: alive.map { Self.observation($0, names) }, at: time)
  }

  private static func observation(_ glance: ThreadGlance, _ names: (String) -> NameID) -> ThreadObservation {
    let state: ThreadObservation.State =
      switch glance.status.state {
      case "S": .interruptible
      case "T", "t": .stopped
      case "D", "I": .uninterruptible
      default: .runnable
      }
    let mode: ThreadObservation.Mode = glance.isInSyscall.map { $0 ? .syscall : .user } ?? .unknown
    return ThreadObservation(tid: glance.tid, name: names(glance.status.name), state: state, mode: mode)
  }
}
