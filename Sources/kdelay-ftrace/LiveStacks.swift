internal import Binaries
internal import Session
internal import SystemPackage
internal import TraceFile
internal import TraceFormat
internal import TraceModel
internal import TraceSource

/// The live side of slow syscalls' stacks: the source of samples, and how the target's files are reached.
struct LiveStacks: ~Copyable {
  private var source: StackSampleFeed
  private let modules: ModuleTable
  private let roots = TargetRoots()

  /// The live side, with nothing sampled yet. `threshold`: the duration above which syscalls are slow, ns; nil: all are.
  /// `followsChildren`: whether processes that the target makes are sampled too. `isRecorded`: whether `record` will be called.
  init(
    _ tracefs: any TracefsAccess, threshold: UInt64?, _ settings: StackSettings, followsChildren: Bool,
    isRecorded: Bool = false
  ) throws(CaptureError) {
    var sampling = StackSampling(
      threshold: threshold, stackBytes: settings.user == .dwarf ? settings.dumpSize : 0,
      kernelFrames: settings.kernel ? SlowSyscallStacks.kernelFrames : 0,
      followsFramePointers: settings.user == .framePointers)
    sampling.isRecorded = isRecorded
    source = try StackSampleFeed(tracefs, sampling, followsChildren: followsChildren)
    let roots = roots
    modules = ModuleTable(vdso: VDSO.bytes) { pid in
      TargetFiles(pid: pid, root: roots.path(of: pid), directory: ProcessDirectory.of)
    }
  }

  /// What finds the stacks in a session.
  func finder(_ settings: SessionSettings, _ facts: any TargetFacts) -> SlowSyscallStacks? {
    settings.stacks.map { SlowSyscallStacks($0, of: settings, source: modules, facts: facts) }
  }

  /// Begins to sample the processes; to be called before their syscalls are recorded.
  mutating func attach(to targets: [TargetProcess], _ stacks: inout SlowSyscallStacks) throws(CaptureError) {
    var refusal: PerfEventFailure?
    try stacks.take { (store, changes) throws(CaptureError) in
      refusal = try source.attach(to: targets, &store, changes: &changes)
    }
    if let refusal {
      Failure.say("warning: \(refusal.what); stacks are ftrace's own, see `kdelay-ftrace doctor`")
      stacks.fallBack(because: refusal.what, mostFrames: FtraceStackFormat.mostUserFrames)
    }
    followRoots()
    stacks.readMappings(of: targets.map(\.pid))
  }

  /// Takes in the samples before `time`, ns; to be called before the syscalls up to then are looked at.
  mutating func drain(before time: UInt64, into stacks: inout SlowSyscallStacks) {
    // Mappings are told of some milliseconds later, when the target may be over.
    followRoots()
    stacks.take { store, changes in source.drain(before: time, into: &store, changes: &changes) }
    let now = MonotonicClock.now
    var withoutMappings: [Int32] = []
    var notes: [String] = []
    stacks.take { store, changes in (notes, withoutMappings) = source.renew(&store, changes: &changes) }
    stacks.note(notes)
    stacks.readMappings(of: withoutMappings, since: now)
  }

  // MARK: The perf.data file

  /// Writes the samples to a perf.data file at `path` too, from now on; see `StackSampleFeed`.
  mutating func record(to path: String) throws(TraceFileError) {
    let modules = modules
    try source.record(to: path) { modules.buildID(of: $0, in: $1) }
  }

  /// Finishes the file, if there is one.
  mutating func finishRecording() throws(TraceFileError) { try source.finishRecording() }

  /// Has the disk hold what was drained so far.
  mutating func synchronizeRecording() { source.synchronizeRecording() }

  /// The size of the file, bytes, and why nothing is written to it any more; nil where there is none.
  func recordingState() -> (size: UInt64, failure: TraceFileError?)? { source.recordingState() }

  private func followRoots() {
    for (pid, path) in roots.follow() { modules.changeRoot(of: pid, to: path) }
  }

  /// How much was drained so far, in rings; see `StackSampleFeed`.
  var ringsRead: Double { source.ringsRead }

  /// What the source has lost so far.
  mutating func loss() -> StackSampleLoss { source.loss() }

  /// The stacks of a window with all that names are found by.
  func pending(_ stacks: WindowStacks) -> PendingStacks { PendingStacks(stacks, modules, roots: roots) }
}
