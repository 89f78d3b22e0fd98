internal import Aggregator
internal import Session
internal import TraceModel

/// The parts of a verdict's sentences.
struct VerdictWords {
  private let result: WindowResult
  private let hint: VerdictHint

  init(_ result: WindowResult) {
    self.result = result
    hint = VerdictHint(result: result)
  }

  // MARK: Who

  /// The threads of a pool, as the subject of a sentence.
  func who(_ pool: VerdictPool) -> String {
    let others = pool.namesakes - pool.threads.count
    guard pool.threads.count > 1 else {
      let (task, name) = (pool.worst.task, pool.worst.process)
      let process = name.isEmpty || task.pid == task.tid ? "" : " of \(Columns.printable(name)) (\(task.pid))"
      let isOneOfMany = others > 0 && pool.namesakes > ThreadFolding.fewest
      return CauseWords.task(task) + process + (isOneOfMany ? ", one of \(grouped(pool.namesakes))," : "")
    }
    let count = grouped(pool.threads.count) + (others > 0 ? " of \(grouped(pool.namesakes))" : "")
    return "\(count) threads \(Columns.printable(pool.name))"
  }

  /// All threads of the target.
  func everybody(_ all: VerdictPool) -> String {
    all.threads.count == 1 ? CauseWords.task(all.worst.task) : "\(grouped(all.threads.count)) threads"
  }

  /// The worst thread of a pool, where it lost notably more than the others.
  func worst(of pool: VerdictPool) -> String {
    let (task, lost, life) = (pool.worst.task, pool.worst.lost, pool.worst.division.lifetime)
    let usual = pool.lost / UInt64(pool.threads.count)
    guard lost > usual + usual / 5 else { return "" }
    return "; the worst, \(CauseWords.task(task)), lost \(Amount.time(lost)) (\(Amount.share(lost, of: life)))"
  }

  // MARK: What it was

  /// What the pool's threads lost for one reason, and what to look at next.
  private func reason(_ point: VerdictPoint, of pool: VerdictPool, hint: String?) -> VerdictSentence {
    let text = [point.text + stillInIt(point, pool), hint].compactMap { $0 }.joined(separator: "; ")
    return VerdictSentence(
      share: Amount.share(point.total, of: pool.lifetime), time: Amount.time(point.total), text + ".")
  }

  /// What the pool's threads lost for these reasons; what to look at next is said once.
  func reasons(_ points: some Sequence<VerdictPoint>, of pool: VerdictPool) -> [VerdictSentence] {
    var hints: Set<String> = []
    return points.map { point in
      // What hardly cost anything needs no look.
      guard Amount.isAtLeast(VerdictPool.notable, point.total, of: pool.lifetime) else {
        return reason(point, of: pool, hint: nil)
      }
      return reason(point, of: pool, hint: hint.text(point).flatMap { hints.insert($0).inserted ? $0 : nil })
    }
  }

  /// What further threads lost.
  func other(_ pool: VerdictPool) -> VerdictSentence {
    let reason = VerdictPoint.of(pool.threads).first.map { ", mostly: \($0.text)" } ?? ""
    return VerdictSentence(
      share: Amount.share(pool.lost, of: pool.lifetime), time: Amount.time(pool.lost),
      "\(who(pool))\(reason)\(worst(of: pool)).")
  }

  /// Since when the threads have been in the call that the point is about, if that has not ended.
  private func stillInIt(_ point: VerdictPoint, _ pool: VerdictPool) -> String {
    guard case .blocked(_, let syscall?) = point.subject else { return "" }
    let calls = pool.threads.compactMap(\.inProgress).filter { $0.isBlocked(in: syscall) }
    guard let first = calls.min(by: { $0.entry < $1.entry }) else { return "" }
    let soFar = "\(first.beganEarlier ? "more than " : "")\(Amount.time(first.soFar(at: result.snapshot.stop)))"
    if pool.threads.count == 1 { return "; still in a call that began \(soFar) before the window's end" }
    return "; \(grouped(calls.count)) are still in a call, the longest for \(soFar)"
  }

  // MARK: The rest

  /// Where that time of the pool's threads went which the first sentence does not tell of. `told` is what it tells in any case.
  func rest(of pool: VerdictPool, but told: TimeDivision.Part? = nil) -> String {
    let blamed = pool.sum {
      $0.blamed.reduce(0) { TimeDivision.part($1.state, $1.kind) == .waiting ? $0 + $1.total : $0 }
    }
    let isTold = { (time: UInt64) in Amount.isAtLeast(VerdictPool.notable, time, of: pool.lifetime) }
    let blocked = pool.time { $0.state == .blockedUninterruptible && $0.kind == .unknown }
    let small: [(time: UInt64, text: String)] = [
      (pool.division[.idle], "idling\(untilWoken(pool))"),
      (Amount.left(of: pool.division[.waiting], without: blamed), "waiting for children, or for threads of its own"),
      (told == .kernel || isTold(pool.division[.kernel]) ? 0 : pool.division[.kernel], "the kernel"),
      (isTold(blocked) ? 0 : blocked, "blocked for an unknown reason"),
      (isTold(blamed) ? 0 : blamed, "waiting for other tasks"),
      (isTold(pool.division[.stopped]) ? 0 : pool.division[.stopped], "being stopped"),
    ]
    let parts =
      ["own code \(amount(pool.division[.user], pool))\(recording(pool))"]
      + small.filter { $0.time > 0 }.map { "\($0.text) \(amount($0.time, pool))" } + unknown(pool)
    return "The rest: \(parts.joined(separator: ", "))\(reasonOfUnknown(pool))."
  }

  /// Who ended most of the idling of a thread: for a thread that waits for others as it waits for work, as a database's does for a
  /// row, it is the one that it waited for.
  private func untilWoken(_ pool: VerdictPool) -> String {
    guard pool.threads.count == 1, let causes = pool.threads.first?.causes else { return "" }
    let idle = causes.filter { TimeDivision.part($0.state, $0.kind) == .idle && $0.by != nil }
    guard let most = idle.max(by: { $0.total < $1.total }), let by = most.by,
      Amount.isAtLeast(50, most.total, of: pool.division[.idle])
    else { return "" }
    return " until \(CauseWords.task(by)) woke it,"
  }

  private func amount(_ time: UInt64, _ pool: VerdictPool) -> String {
    Amount.share(time, of: pool.lifetime) + (time > 0 ? " (\(Amount.time(time)))" : "")
  }

  /// What is not known.
  private func unknown(_ pool: VerdictPool) -> [String] {
    let (asleep, state) = unknownTimes(pool)
    return [(asleep, "asleep for an unknown reason"), (state, "unknown")].filter { $0.0 > 0 }
      .map { "\($0.1) \(amount($0.0, pool))" }
  }

  /// Why so much is not known, where it is much.
  private func reasonOfUnknown(_ pool: VerdictPool) -> String {
    let (asleep, state) = unknownTimes(pool)
    guard Amount.isAtLeast(VerdictPool.notable, asleep + state, of: pool.lifetime) else { return "" }
    return hint.reasonOfUnknown(isMostlyAsleep: asleep > state).map { "; \($0)" } ?? ""
  }

  /// The time asleep for an unknown reason, and that of which nothing is known, ns.
  private func unknownTimes(_ pool: VerdictPool) -> (asleep: UInt64, state: UInt64) {
    let state = pool.sum { $0.accounting[.unknown] }
    // Of the time asleep it is known that it was, and no more. What was blocked (D) is among the reasons.
    let blocked = pool.time { $0.state == .blockedUninterruptible && $0.kind == .unknown }
    let asleep = Amount.left(of: pool.division[.unknown], without: state + blocked)
    return (asleep, state)
  }

  private func recording(_ pool: VerdictPool) -> String {
    let cost = pool.sum { $0.recording }
    guard Amount.isAtLeast(VerdictPool.notable, cost, of: pool.lifetime) else { return "" }
    return ", of it some \(Amount.share(cost, of: pool.lifetime)) for the recording of syscalls by this tool"
  }

  // MARK: Form

  func list(_ parts: [String]) -> String {
    parts.count < 2 ? parts.joined() : parts.dropLast().joined(separator: ", ") + " and " + parts[parts.count - 1]
  }

  func grouped(_ count: Int) -> String { Columns.grouped(UInt64(count)) }
}

extension InProgress {
  /// The syscall's name, or that it is a page fault; nil where nothing tells which syscall it is.
  var name: String? {
    if isPageFault { return "page fault" }
    return number < 0 ? nil : SyscallNames.name(number, abi: abi)
  }

  /// Whether the thread waits in a call of this syscall.
  func isBlocked(in syscall: String) -> Bool { state.isBlocked && !isPageFault && name == syscall }

  /// How long it had lasted at a time, ns.
  func soFar(at time: UInt64) -> UInt64 { Amount.left(of: time, without: entry) }
}
