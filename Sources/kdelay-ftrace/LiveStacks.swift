internal import Session
internal import SystemPackage
internal import TraceFormat
internal import TraceModel
internal import TraceSource
internal import Unwinder

/// The live side of slow syscalls' stacks: the source of samples, and how the target's files are reached.
struct LiveStacks: ~Copyable {
  private var source: StackSampleFeed
  private var root: TargetRoot
  private let target: TargetProcess
  let modules = ModuleTable()

  init(
    _ tracefs: any TracefsAccess, _ target: TargetProcess, threshold: UInt64?, _ settings: StackSettings
  ) throws(CaptureError) {
    let sampling = StackSampling(
      threshold: threshold, stackBytes: settings.user == .dwarf ? settings.dumpSize : 0,
      kernelFrames: settings.kernel ? SlowSyscallStacks.kernelFrames : 0,
      followsFramePointers: settings.user == .framePointers)
    source = try StackSampleFeed(tracefs, target, sampling)
    root = TargetRoot(of: target)
    self.target = target
  }

  /// What finds the stacks in a session.
  func finder(_ settings: StackSettings, _ facts: any TargetFacts) -> SlowSyscallStacks {
    let code = ProcessCode(
      modules: modules, files: TargetFiles(pid: target.pid, root: root.path, directory: ProcessDirectory.of),
      vdso: VDSO.bytes)
    return SlowSyscallStacks(settings, target: target.pid, code: code, modules: modules, facts: facts)
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
    followRoot(&stacks)
    stacks.readMappings()
  }

  /// Takes in the samples before `time`, ns; to be called before the syscalls up to then are looked at.
  mutating func drain(before time: UInt64, into stacks: inout SlowSyscallStacks) {
    // Mappings are told of some milliseconds later, when the target may be over.
    followRoot(&stacks)
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

  private mutating func followRoot(_ stacks: inout SlowSyscallStacks) {
    if root.follow() { stacks.code.change(root: root.path) }
  }

  /// See `StackSampleFeed`.
  var ringsRead: Double { source.ringsRead }

  /// What the source has lost so far.
  func loss() -> StackSampleLoss { source.loss() }

  /// The stacks of a window with all that names are found by.
  func pending(_ stacks: WindowStacks) -> PendingStacks { PendingStacks(stacks, modules, root: root) }
}
