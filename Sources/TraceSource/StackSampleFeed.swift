internal import Glibc
internal import SystemPackage
package import TraceFile
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
  /// The perf.data file that is written, and how build-ids for it are found.
  private var recording: (path: String, buildID: (CodeMapping, Int32) -> [UInt8])?

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
          try recordAgain()
          continue
        }
        guard error.isRefusal else { throw error.captureError }
        var source = try FtraceStackSource(
          tracefs, kernel: sampling.kernelFrames > 0, user: sampling.userBytes > 0, followsChildren: followsChildren)
        try source.attach(to: targets)
        ftrace = consume source
        // Ftrace's stacks are no perf records.
        if let recording { unlink(recording.path) }
        recording = nil
        return error
      }
    }
  }

  // MARK: The perf.data file

  /// Writes all records of perf events to a perf.data file at `path` too, from now on; to be called before `attach`, so that it has
  /// all, and again for another file once the first is finished. Nothing is written where ftrace's own stacks take the place of perf
  /// events. The sampling has to be of the kind that `isRecorded`. `buildID`: the build-id of what a process has mapped; empty
  /// where it has none.
  package mutating func record(
    to path: String, buildID: @escaping (CodeMapping, Int32) -> [UInt8]
  ) throws(TraceFileError) {
    try perf?.record(to: path, buildID: buildID)
    recording = (path, buildID)
  }

  private mutating func recordAgain() throws(CaptureError) {
    guard let recording else { return }
    do { try perf?.record(to: recording.path, buildID: recording.buildID) } catch {
      throw CaptureError(.refused, "cannot write the recording \(error)", remedy: error.remedy)
    }
  }

  /// Finishes the file: without this it ends where its writer was killed. Nothing is done where there is none.
  package mutating func finishRecording() throws(TraceFileError) {
    recording = nil
    try perf?.finishRecording()
  }

  /// Has the disk hold what was drained so far.
  package mutating func synchronizeRecording() { perf?.synchronizeRecording() }

  /// The size of the file, bytes, and why nothing is written to it any more; nil where there is none.
  package func recordingState() -> (size: UInt64, failure: TraceFileError?)? { perf?.recordingState() }

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
  package mutating func loss() -> StackSampleLoss {
    if let loss = ftrace?.loss() { return loss }
    return perf?.loss() ?? StackSampleLoss()
  }

  /// How much was drained so far, in rings: 1 is what a CPU can write before samples are lost.
  package var ringsRead: Double {
    if let read = ftrace?.ringsRead() { return read }
    return perf?.ringsRead() ?? 0
  }
}
