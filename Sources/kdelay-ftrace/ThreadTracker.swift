internal import Aggregator
internal import TraceModel
internal import TraceSource

/// Knows the target's threads from /proc: tells the aggregator what no event does.
struct ThreadTracker {
  private let target: TargetProcess
  /// The last look at each thread of which the events have not told enough yet, and when it was, ns.
  private var glances: [Int32: (glance: ThreadGlance, at: UInt64)] = [:]
  private var recent: [Int32: (glance: ThreadGlance?, at: UInt64)] = [:]
  /// What became true at a time, ns, in order: the aggregator is told when the stream has come as far. Those before
  /// `marksReached` have been.
  private var marks: [(time: UInt64, mark: Mark)] = []
  private var marksReached = 0
  /// The window in which silent threads were looked at last, by its start, ns.
  private var windowLookedAt: UInt64 = 0
  private var gapsSeen = 0

  private enum Mark {
    /// The kernel's filter has held the thread since.
    case filtered(Int32)
    case seen(ThreadGlance)
  }

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
      glances[tid] = (glance, time)
      aggregator.observe(Self.observation(glance, names), at: time)
    }
  }

  /// Looks, once in an open window, at threads that no event has told of: where syscalls are recorded in windows only
  /// (`isGated`), what /proc counted before tells nothing.
  mutating func lookAtSilent(_ aggregator: borrowing Aggregator, isGated: Bool) {
    let now = MonotonicClock.now
    // Windows that are over within a few clock ticks gain nothing by it.
    guard isGated, windowLookedAt != aggregator.windowStart, now > aggregator.windowStart + 20_000_000 else { return }
    windowLookedAt = aggregator.windowStart
    for silent in aggregator.silentThreads {
      glances[silent.tid] = ThreadGlance.look(at: silent.tid, of: target.pid).map { ($0, now) }
    }
  }

  /// Settles, before a window closes, the threads that no event has told of: a thread without a switch has been running,
  /// or waiting for a CPU, all along, and one without a syscall has been on one side of it. `isGated`: syscalls were not
  /// recorded before the window, so that only looks within it tell on which.
  mutating func settleSilent(_ aggregator: inout Aggregator, isGated: Bool) {
    let time = MonotonicClock.now
    for silent in aggregator.silentThreads {
      guard let now = latest(silent.tid, at: time) else { continue }
      // One that was born since has counted from 0.
      let before = glances[silent.tid]
      let hasRun =
        silent.isRunning || now.status.ticks > before?.glance.status.ticks ?? 0
        || now.runTime ?? 0 > before?.glance.runTime ?? 0
      let tells = !isGated || before.map { $0.at >= aggregator.windowStart } ?? false
      aggregator.resolve(
        tid: silent.tid, running: hasRun, mode: tells ? Self.mode(from: before?.glance, to: now) : .unknown)
    }
  }

  /// On which side of a syscall a thread was that crossed neither way between two looks, by its clock ticks. The kernel's
  /// alone prove a syscall only where no page fault can have taken them.
  static func mode(from before: ThreadGlance?, to now: ThreadGlance) -> ThreadObservation.Mode {
    let user = now.status.userTicks &- (before?.status.userTicks ?? 0)
    let kernel = now.status.kernelTicks &- (before?.status.kernelTicks ?? 0)
    // The later look can be the older one: it is kept for a moment.
    guard now.status.ticks >= before?.status.ticks ?? 0 else { return .unknown }
    if user > kernel { return .user }
    return kernel > user && now.status.faults == before?.status.faults ?? 0 ? .syscall : .unknown
  }

  /// A look at a thread, at most 100 ms old: thousands of windows may close within that.
  private mutating func latest(_ tid: Int32, at now: UInt64) -> ThreadGlance? {
    if let recent = recent[tid], now &- recent.at < 100_000_000 { return recent.glance }
    let glance = ThreadGlance.look(at: tid, of: target.pid)
    recent[tid] = (glance, now)
    return glance
  }

  /// When the aggregator has to be told something; the stream must not be followed beyond that before `reach`. Nil for nothing.
  var edge: UInt64? { marksReached < marks.count ? marks[marksReached].time : nil }

  /// All events up to `edge` have been consumed: tells the aggregator what became true then.
  mutating func reach(
    _ aggregator: inout Aggregator, _ capture: borrowing Capture, _ names: (String) -> NameID
  ) throws(CaptureError) {
    let (time, mark) = marks[marksReached]
    marksReached += 1
    if marksReached == marks.count {
      marks.removeAll(keepingCapacity: true)
      marksReached = 0
    }
    switch mark {
    case .filtered(let tid): aggregator.refiltered(tid: tid, at: time)
    case .seen(let glance): aggregator.observe(Self.observation(glance, names), at: time)
    }
  }

  /// After events up to `time` have been consumed: does what they call for. Gaps: threads may have come and gone unseen.
  /// An exec by a thread other than the leader, and workers of the kernel's: their tids have to go into the filter.
  mutating func follow(
    _ aggregator: inout Aggregator, _ capture: borrowing Capture, _ names: (String) -> NameID, upTo time: UInt64
  ) throws(CaptureError) {
    if aggregator.gapCount != gapsSeen {
      gapsSeen = aggregator.gapCount
      let alive = target.threads.compactMap { ThreadGlance.look(at: $0, of: target.pid) }
      let now = MonotonicClock.now
      for glance in alive { glances[glance.tid] = (glance, now) }
      aggregator.reconcile(alive: alive.map { Self.observation($0, names) }, at: time)
    }
    let unfiltered = aggregator.takeUnfiltered()
    guard !unfiltered.isEmpty else { return }
    // They may have made others before, of which nothing tells either. Those that these have made meanwhile are told of when
    // the next drain finds them: threads can be born faster than they are looked for.
    try capture.watch(tids: unfiltered)
    var known = Set(unfiltered)
    let others = target.threads.filter { !aggregator.isThread($0) && known.insert($0).inserted }
    if !others.isEmpty { try capture.watch(tids: others) }
    let filtered = MonotonicClock.now
    marks += unfiltered.map { (filtered, .filtered($0)) }
    for glance in known.compactMap({ ThreadGlance.look(at: $0, of: target.pid) }) {
      glances[glance.tid] = (glance, MonotonicClock.now)
      marks.append((MonotonicClock.now, .seen(glance)))
    }
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
    return ThreadObservation(
      tid: glance.tid, name: names(glance.status.name), state: state, mode: mode, isWorker: glance.status.isWorker)
  }
}
