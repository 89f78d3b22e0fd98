internal import Aggregator
internal import Session
internal import TraceModel

/// What a reader can look at next, as far as it is not in the report already.
struct VerdictHint {
  let result: WindowResult

  /// What to look at next because of this point; nil where the report has all that there is.
  func text(_ point: VerdictPoint) -> String? {
    switch point.subject {
    case .noCPU: noCPU(point)
    case .throttled: "see cpu.max and cpu.stat of \(controlGroup { $0.hasQuota })"
    case .frozen: "see cgroup.freeze or freezer.state of \(controlGroup { $0.wasFrozen })"
    case .idleCPU: nil
    case .blocked(let kind, _): blocked(kind, point)
    case .computing: stacks
    case .reclaim, .compaction: "see memory.max and memory.high of its control group, and the machine's free memory"
    case .spin: stacks
    case .interrupts: "see /proc/interrupts"
    case .stopped: "see TracerPid in /proc/PID/status, and who sends SIGSTOP"
    }
  }

  /// The control group that limits a target process; which one it is is said where only one comes into question.
  private func controlGroup(_ isMeant: (MachineObservation.ProcessLimits) -> Bool) -> String {
    let paths = Set(result.machine.limits.values.filter(isMeant).map(\.path))
    // The path is that of the group with the quota; of version 1 a freezer's is another one.
    return paths.count == 1 && paths != ["/"]
      ? "control group \(paths.map { Columns.printable($0) }.joined())" : "its control group"
  }

  private var unlessBlamed: String? { result.machine.isRecorded ? nil : "--blame would tell more" }
  private var stacks: String? { result.stacks == nil ? "-s 1000000 shows the lines of code" : nil }

  private func noCPU(_ point: VerdictPoint) -> String? {
    if let unknown = point.sums({ CauseWords.holder($0) == CauseWords.unknownHolder ? true : nil }).first,
      Amount.isAtLeast(20, unknown.total, of: point.total), let unlessBlamed
    {
      return unlessBlamed
    }
    let window = result.snapshot.stop - result.snapshot.start
    let idlest = result.machine.idleTime.min { ($1.value, $0.key) < ($0.value, $1.key) }
    guard let idlest, Amount.isAtLeast(10, idlest.value, of: window) else { return nil }
    return "CPU \(idlest.key) was idle \(Amount.share(idlest.value, of: window)) of the window (see taskset -p)"
  }

  private func blocked(_ kind: Cause.Kind, _ point: VerdictPoint) -> String? {
    switch kind {
    case .unknown: return unlessBlamed ?? stacks
    case .memory: return "see memory.max and memory.high of its control group, and the machine's free memory"
    case .futex, .pipe, .socket, .fileLock, .child:
      return point.causes.contains { $0.path != nil } ? stacks : unlessBlamed
    // Stacks are those of syscalls.
    case .pageFault: return nil
    default: return stacks
    }
  }

  /// Why so much time is unknown; nil where nothing tells that either.
  func reasonOfUnknown(isMostlyAsleep: Bool) -> String? {
    let loss =
      result.loss.events > 0 || result.snapshot.missingTime > 0
      ? "events were lost: use a larger --buffer-page-count" : nil
    let blame = result.machine.isRecorded ? nil : "--blame would tell more"
    let missing = result.machine.missing.first.map { "missing here: \(Columns.printable($0))" }
    return isMostlyAsleep ? blame ?? missing ?? loss : loss ?? blame
  }
}
