internal import Aggregator
internal import TraceModel

/// Knows the target's threads as the system shows them: tells the aggregator what no event does.
struct ThreadTracker {
  private let facts: any TargetFacts
  /// What was known of each thread when it was looked at last, and when that was, ns.
  private var before: [Int32: (facts: ThreadFacts, at: UInt64)] = [:]
  /// The looks of the last 100 ms.
  private var recent: [Int32: (facts: ThreadFacts?, at: UInt64)] = [:]
  /// What the session's aggregator has to be told.
  private var marks = ThreadMarks()
  /// What the aggregator has to be told that runs ahead of the session's; nil where none does.
  private var marksAhead: ThreadMarks?
  /// The window in which silent threads were looked at last, by its start, ns.
  private var windowLookedAt: UInt64 = 0
  private var gapsSeen = 0
  private var budget = LookBudget()
  /// The number of looks above which those of threads that have ended are forgotten.
  private var mostLooks = 4096
  /// The processes of threads that `watched` has asked to watch, which no event has told of.
  private var processOfOther: [Int32: Int32] = [:]

  /// `isLate`: the session's aggregator follows another one, which the tracker asks what is true now.
  init(_ facts: any TargetFacts, isLate: Bool = false) {
    self.facts = facts
    if isLate { marksAhead = ThreadMarks() }
  }

  /// Looks at all threads of process `pid`, and makes them known to the aggregator.
  mutating func lookAtAll(of pid: Int32, _ aggregator: inout Aggregator, _ names: inout NameTable) {
    let time = facts.now
    for tid in facts.threads(of: pid) ?? [] {
      guard let seen = facts.thread(tid, of: pid) else { continue }
      before[tid] = (seen, time)
      aggregator.observe(ThreadObservation(seen, &names), at: time)
    }
  }

  /// Looks at the threads of a process that has come to be the target's; the aggregator is told when the stream has come as far.
  mutating func add(_ pid: Int32) {
    var known: Set<Int32> = []
    // A thread that is born meanwhile, by one that is not known yet, is none to the aggregator.
    while case let new = (facts.threads(of: pid) ?? []).filter({ known.insert($0).inserted }), !new.isEmpty {
      for tid in new { look(at: tid, of: pid) }
    }
    if let abi = facts.abi(of: pid) { mark(.abi(pid, abi), at: facts.now) }
  }

  /// Looks, once in an open window, at threads that no event has told of: where syscalls are recorded in windows only
  /// (`isGated`), what was counted before tells nothing.
  mutating func lookAtSilent(_ aggregator: borrowing Aggregator, isGated: Bool) {
    guard isGated, windowLookedAt != aggregator.windowStart else { return }
    let now = facts.now
    // Windows that are over within a few clock ticks gain nothing by it.
    guard now > aggregator.windowStart + 20_000_000 else { return }
    windowLookedAt = aggregator.windowStart
    for silent in aggregator.silentThreads {
      before[silent.tid] = facts.thread(silent.tid, of: silent.pid).map { ($0, now) }
    }
  }

  /// Settles, before a window closes, the threads that no event has told of: a thread without a switch has been running,
  /// or waiting for a CPU, all along, and one without a syscall has been on one side of it. `isGated`: syscalls were not
  /// recorded before the window, so that only looks within it tell on which. `known`: those of which that is true to this day,
  /// where the window has closed some time ago; nil: all.
  mutating func settleSilent(_ aggregator: inout Aggregator, isGated: Bool, known: Set<Int32>? = nil) {
    let silentThreads = aggregator.silentThreads.filter { known?.contains($0.tid) ?? true }
    if silentThreads.isEmpty { return }
    let time = facts.now
    for silent in silentThreads {
      guard let now = latest(silent.tid, of: silent.pid, at: time) else { continue }
      // One that was born since has counted from 0.
      let earlier = before[silent.tid].flatMap { $0.facts.pid == silent.pid ? $0 : nil }
      let hasRun =
        silent.isRunning || now.ticks > earlier?.facts.ticks ?? 0 || now.runTime ?? 0 > earlier?.facts.runTime ?? 0
      let tells = !isGated || earlier.map { $0.at >= aggregator.windowStart } ?? false
      aggregator.resolve(
        tid: silent.tid, running: hasRun, mode: tells ? Self.mode(from: earlier?.facts, to: now) : .unknown)
    }
  }

  /// On which side of a syscall a thread was that crossed neither way between two looks, by its clock ticks. The kernel's
  /// alone prove a syscall only where no page fault can have taken them.
  static func mode(from before: ThreadFacts?, to now: ThreadFacts) -> ThreadObservation.Mode {
    let user = now.userTicks &- (before?.userTicks ?? 0)
    let kernel = now.kernelTicks &- (before?.kernelTicks ?? 0)
    // The later look can be the older one: it is kept for a moment.
    guard now.ticks >= before?.ticks ?? 0 else { return .unknown }
    if user > kernel { return .user }
    return kernel > user && now.faults == before?.faults ?? 0 ? .syscall : .unknown
  }

  /// A look at a thread, at most 100 ms old: thousands of windows may close within that.
  private mutating func latest(_ tid: Int32, of pid: Int32, at now: UInt64) -> ThreadFacts? {
    if let recent = recent[tid], now &- recent.at < 100_000_000, recent.facts?.pid ?? pid == pid { return recent.facts }
    let seen = facts.thread(tid, of: pid)
    recent[tid] = (seen, now)
    return seen
  }

  // MARK: What became true at a time

  private mutating func mark(_ mark: ThreadMarks.Mark, at time: UInt64) {
    marks.add(mark, at: time)
    marksAhead?.add(mark, at: time)
  }

  /// See `ThreadMarks.edge`.
  var edge: UInt64? { marks.edge }

  /// See `ThreadMarks.reach`.
  mutating func reach(_ aggregator: inout Aggregator, _ names: inout NameTable) { marks.reach(&aggregator, &names) }

  /// As `edge`, of the aggregator that runs ahead.
  var edgeAhead: UInt64? { marksAhead?.edge }

  /// As `reach`, of the aggregator that runs ahead.
  mutating func reachAhead(_ aggregator: inout Aggregator, _ names: inout NameTable) {
    marksAhead?.reach(&aggregator, &names)
  }

  /// The process has been numbering its syscalls so since `time`, ns. The aggregator that runs ahead knows it already.
  mutating func learn(_ abi: SyscallABI, of pid: Int32, since time: UInt64) { marks.add(.abi(pid, abi), at: time) }

  /// To be called when the stream has been followed as far as it is known: after losses, looks which threads there are, as some
  /// may have come and gone unseen. Returns the tasks that have to be put into the kernel's filter: a thread that another one's
  /// exec has given its tid, and workers of the kernel's.
  mutating func follow(_ aggregator: inout Aggregator) -> [Int32] {
    let start = facts.now
    if aggregator.gapCount != gapsSeen, budget.allows(at: start) {
      gapsSeen = aggregator.gapCount
      if let alive = livingThreads(of: aggregator.livingProcesses) {
        let now = facts.now
        for thread in alive { before[thread.tid] = (thread, now) }
        // What was born before is among them, if it lives; what was born since, and was not found, is none that has ended.
        mark(.alive(alive), at: start)
        budget.spent(from: start, to: now)
      }
    }
    forgetEnded(&aggregator)
    return aggregator.takeUnfiltered()
  }

  /// The threads of the processes; nil where nobody knows which live.
  private func livingThreads(of pids: [Int32]) -> [ThreadFacts]? {
    var alive: [ThreadFacts] = []
    for pid in pids {
      guard let tids = facts.threads(of: pid) else { return nil }
      alive += tids.compactMap { facts.thread($0, of: pid) }
    }
    return alive
  }

  /// The kernel's filter holds the tasks. Returns those that have to be put into it besides: what the tasks had made before,
  /// of which nothing tells either. What these have made meanwhile is told of when the next drain finds them: threads can be
  /// born faster than they are looked for.
  mutating func watched(_ tids: [Int32], _ aggregator: inout Aggregator) -> [Int32] {
    // Those that were found by this have no others of their own.
    let isFirst = tids.contains { aggregator.isThread($0) }
    var known = Set(tids)
    var others: [Int32] = []
    for pid in Set(tids.compactMap { aggregator.process(of: $0) }) where isFirst {
      let new = (facts.threads(of: pid) ?? []).filter { !aggregator.isThread($0) && known.insert($0).inserted }
      for tid in new { processOfOther[tid] = pid }
      others += new
    }
    let filtered = facts.now
    for tid in tids where aggregator.isThread(tid) { mark(.filtered(tid), at: filtered) }
    for tid in tids {
      let other = processOfOther.removeValue(forKey: tid)
      if let pid = aggregator.process(of: tid) ?? other { look(at: tid, of: pid) }
    }
    return others
  }

  private mutating func look(at tid: Int32, of pid: Int32) {
    // The time before the look: a thread that ends after it was there then.
    let now = facts.now
    guard let seen = facts.thread(tid, of: pid) else { return }
    before[tid] = (seen, now)
    mark(.seen(seen), at: now)
  }

  private mutating func forgetEnded(_ aggregator: inout Aggregator) {
    guard before.count + recent.count > mostLooks else { return }
    before = before.filter { aggregator.isThread($0.key) }
    recent = recent.filter { aggregator.isThread($0.key) }
    mostLooks = 4096 + 2 * (before.count + recent.count)
  }
}
