internal import SystemPackage
package import TraceModel

/// Where the stack samples of one process come from: perf events, or ftrace's own where the kernel refuses those.
package struct StackSampleFeed: ~Copyable {
  private let tracefs: any TracefsAccess
  private let sampling: StackSampling
  private var perf: PerfEventSource?
  private var ftrace: FtraceStackSource?

  /// Prepares the sampling of `target`; `attach` starts it.
  package init(_ tracefs: any TracefsAccess, _ target: TargetProcess, _ sampling: StackSampling) throws(CaptureError) {
    self.tracefs = tracefs
    self.sampling = sampling
    perf = try PerfEventSource(tracefs, pid: target.pid, sampling: sampling)
  }

  /// Starts to sample; to be called before syscalls are recorded. Returns why there are no perf events, where there are none:
  /// then user stacks are callchains, and nothing tells of mappings.
  package mutating func attach(
    to target: TargetProcess, _ store: inout StackSampleStore, changes: inout [ProcessChange]
  ) throws(CaptureError) -> PerfEventFailure? {
    var ringBytes = PerfEventSource.mostRingBytes
    while true {
      do {
        try perf?.attach(to: target, &store, changes: &changes)
        return nil
      } catch {
        // Some may have been opened.
        perf = nil
        if error.isOfRings, error.error == .notPermitted, ringBytes > 0 {
          // Of equal rings, smaller ones may be allowed.
          ringBytes = ringBytes > 16 << 20 ? 16 << 20 : 0
          perf = try PerfEventSource(tracefs, pid: target.pid, sampling: sampling, ringBytes: ringBytes)
          continue
        }
        guard error.isRefusal else { throw error.captureError }
        let source = try FtraceStackSource(
          tracefs, target, kernel: sampling.kernelFrames > 0, user: sampling.userBytes > 0)
        try source.attach()
        ftrace = consume source
        return error
      }
    }
  }

  /// Looks whether threads have events on all CPUs, and opens those that are missing: after an exec that took them away, and
  /// on CPUs that have come online. Returns what the reader must know of it; `losesMappings`: nothing told of those for a while.
  package mutating func renew(
    for target: TargetProcess, _ store: inout StackSampleStore, changes: inout [ProcessChange]
  ) -> (notes: [String], losesMappings: Bool) {
    var notes: [String] = []
    var losesMappings = false
    let ended = "an exec gave the target other privileges, for which the kernel ended the sampling"
    do throws(PerfEventFailure) {
      switch try perf?.reopen(for: target, &store, changes: &changes) {
      case nil: break
      case .done(let gap):
        losesMappings = true
        notes.append(
          "\(ended). It was taken up again after \(gap / 1_000_000 + 1) ms: syscalls between have no stacks.")
      case .tooLate:
        notes.append("\(ended). The target was over before it could be taken up again: later syscalls have no stacks.")
      }
    } catch {
      notes.append("\(ended). It cannot be taken up again (\(error.error)): later syscalls have no stacks.")
    }
    if let (came, failure) = perf?.followCPUs(of: target, &store, changes: &changes) {
      for cpu in came { notes.append("CPU \(cpu) came online: syscalls on it had no stacks until 100 ms later.") }
      if let failure { notes.append("a CPU came online, and stacks cannot be sampled there (\(failure.error)).") }
    }
    return (notes, losesMappings)
  }

  /// Passes on what happened before `limit`, ns: samples to `store`, changes to `changes`.
  package mutating func drain(
    before limit: UInt64, into store: inout StackSampleStore, changes: inout [ProcessChange]
  ) {
    perf?.drain(before: limit, into: &store, changes: &changes)
    ftrace?.drain(before: limit, into: &store)
  }

  /// What was lost so far.
  package func loss() -> StackSampleLoss {
    if let loss = ftrace?.loss() { return loss }
    if let loss = perf?.loss() { return loss }
    return StackSampleLoss()
  }

  /// How much was drained so far, in rings: 1 is what a CPU can write before samples are lost.
  package var ringsRead: Double {
    if let read = ftrace?.ringsRead() { return read }
    return perf?.ringsRead() ?? 0
  }
}
