internal import Binaries
internal import Session
internal import SystemPackage
internal import TraceFormat
internal import TraceModel
internal import TraceSource

/// The live side of slow syscalls' stacks: the source of samples, and how the target's files are reached.
struct LiveStacks: ~Copyable {
  private var source: StackSampleFeed
  private var root: TargetRoot
  private let target: TargetProcess
  private let modules: ModuleTable

  init(
    _ tracefs: any TracefsAccess, _ target: TargetProcess, threshold: UInt64?, _ settings: StackSettings
  ) throws(CaptureError) {
    let sampling = StackSampling(
      threshold: threshold, stackBytes: settings.user == .dwarf ? settings.dumpSize : 0,
      kernelFrames: settings.kernel ? SlowSyscallStacks.kernelFrames : 0,
      followsFramePointers: settings.user == .framePointers)
    source = try StackSampleFeed(tracefs, target, sampling)
    root = TargetRoot(of: target)
    let path = root.path
    modules = ModuleTable(vdso: VDSO.bytes) { TargetFiles(pid: $0, root: path, directory: ProcessDirectory.of) }
    self.target = target
  }

  /// What finds the stacks in a session.
  func finder(_ settings: StackSettings, _ facts: any TargetFacts) -> SlowSyscallStacks {
    SlowSyscallStacks(settings, target: target.pid, source: modules, facts: facts)
  }

  /// Begins to sample; to be called before syscalls are recorded.
  mutating func attach(to stacks: inout SlowSyscallStacks) throws(CaptureError) {
    var refusal: PerfEventFailure?
    try stacks.take { (store, changes) throws(CaptureError) in
      refusal = try source.attach(to: target, &store, changes: &changes)
    }
    if let refusal {
      Failure.say("warning: \(refusal.what); stacks are ftrace's own, see `kdelay-ftrace doctor`")
      stacks.fallBack(because: refusal.what, mostFrames: FtraceStackFormat.mostUserFrames)
    }
    followRoot()
    stacks.readMappings()
  }

  /// Takes in the samples before `time`, ns; to be called before the syscalls up to then are looked at.
  mutating func drain(before time: UInt64, into stacks: inout SlowSyscallStacks) {
    // Mappings are told of some milliseconds later, when the target may be over.
    followRoot()
    stacks.take { store, changes in source.drain(before: time, into: &store, changes: &changes) }
    let now = MonotonicClock.now
    var losesMappings = false
    var notes: [String] = []
    stacks.take { store, changes in
      (notes, losesMappings) = source.renew(for: target, &store, changes: &changes)
    }
    stacks.note(notes)
    if losesMappings { stacks.readMappings(since: now) }
  }

  private mutating func followRoot() {
    if root.follow() { modules.changeRoot(of: target.pid, to: root.path) }
  }

  /// See `StackSampleFeed`.
  var ringsRead: Double { source.ringsRead }

  /// What the source has lost so far.
  func loss() -> StackSampleLoss { source.loss() }

  /// The stacks of a window with all that names are found by.
  func pending(_ stacks: WindowStacks) -> PendingStacks { PendingStacks(stacks, modules, root: root) }
}
