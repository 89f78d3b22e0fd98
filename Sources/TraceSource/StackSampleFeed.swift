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
