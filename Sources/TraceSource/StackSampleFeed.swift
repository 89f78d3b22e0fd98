internal import SystemPackage
package import TraceModel

/// Where the stack samples of the target's processes come from: perf events, or ftrace's own where the kernel refuses those.
package struct StackSampleFeed: ~Copyable {
  private let tracefs: any TracefsAccess
  private let sampling: StackSampling
  private let followsChildren: Bool
  private var perf: PerfEventSource?
  private var ftrace: FtraceStackSource?

  /// Whether events were opened for some process.
  private var isAttached = false

  /// Prepares the sampling; `attach` starts it. `followsChildren`: processes that the target makes are sampled too.
  package init(
    _ tracefs: any TracefsAccess, _ sampling: StackSampling, followsChildren: Bool = false
  ) throws(CaptureError) {
    self.tracefs = tracefs
    self.sampling = sampling
    self.followsChildren = followsChildren
    perf = try PerfEventSource(tracefs, sampling: sampling, followsChildren: followsChildren)
  }

  /// Starts to sample; to be called before syscalls are recorded. Returns why there are no perf events, where there are none:
  /// then user stacks are callchains, and nothing tells of mappings. Can be called again at any time for further processes:
  /// where that fails, these have no samples, and the others keep theirs.
  package mutating func attach(
    to targets: [TargetProcess], _ store: inout StackSampleStore, changes: inout [ProcessChange]
  ) throws(CaptureError) -> PerfEventFailure? {
    if ftrace != nil || isAttached {
      try ftrace?.attach(to: targets)
      do { try perf?.attach(to: targets, &store, changes: &changes) } catch { throw error.captureError }
      return nil
    }
    var ringBytes = PerfEventSource.mostRingBytes
    while true {
      do {
        try perf?.attach(to: targets, &store, changes: &changes)
        isAttached = true
        return nil
      } catch {
        // Some may have been opened.
        perf = nil
        if error.isOfRings, error.error == .notPermitted, ringBytes > 0 {
          // Of equal rings, smaller ones may be allowed.
          ringBytes = ringBytes > 16 << 20 ? 16 << 20 : 0
          perf = try PerfEventSource(
            tracefs, sampling: sampling, followsChildren: followsChildren, ringBytes: ringBytes)
          continue
        }
        guard error.isRefusal else { throw error.captureError }
        var source = try FtraceStackSource(
          tracefs, kernel: sampling.kernelFrames > 0, user: sampling.userBytes > 0, followsChildren: followsChildren)
        try source.attach(to: targets)
        ftrace = consume source
        return error
      }
    }
  }

  /// Looks whether threads have events on all CPUs, and opens those that are missing: after an exec that took them away, and
  /// on CPUs that have come online. Returns what the reader must know of it; `withoutMappings`: the processes of whose mappings
  /// nothing told for a while.
  package mutating func renew(
    _ store: inout StackSampleStore, changes: inout [ProcessChange]
  ) -> (notes: [String], withoutMappings: [Int32]) {
    var notes: [String] = []
    var withoutMappings: [Int32] = []
    let ended = "an exec gave the target other privileges, for which the kernel ended the sampling"
    for (pid, result) in perf?.reopen(&store, changes: &changes) ?? [] {
      switch result {
      case .success(.done(let gap)):
        withoutMappings.append(pid)
        notes.append(
          "\(ended). It was taken up again after \(gap / 1_000_000 + 1) ms: syscalls between have no stacks.")
      case .success(.tooLate):
        notes.append("\(ended). The target was over before it could be taken up again: later syscalls have no stacks.")
      case .failure(let failure):
        notes.append("\(ended). It cannot be taken up again (\(failure.error)): later syscalls have no stacks.")
      }
    }
    if let (came, failure) = perf?.followCPUs(&store, changes: &changes) {
      for cpu in came { notes.append("CPU \(cpu) came online: syscalls on it had no stacks until 100 ms later.") }
      if let failure { notes.append("a CPU came online, and stacks cannot be sampled there (\(failure.error)).") }
    }
    return (notes, withoutMappings)
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
