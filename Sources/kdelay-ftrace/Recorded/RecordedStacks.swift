internal import Binaries
internal import Session
internal import TraceFile
internal import TraceModel
internal import TraceSource

/// The recorded side of slow syscalls' stacks: the samples of a perf.data file, and the files of this machine that it names.
struct RecordedStacks: ~Copyable {
  private var samples: RecordedSamples
  private let modules: ModuleTable
  private let kallsyms: [UInt8]

  /// `kallsyms`: the recorded kernel's; empty where the recording has none.
  init(_ samples: consuming RecordedSamples, kallsyms: [UInt8]) {
    self.kallsyms = kallsyms
    // Of another kernel nobody knows the vdso's image: a stack ends there.
    let isThisKernel = !samples.kernelBuildID.isEmpty && samples.kernelBuildID == VDSO.kernelBuildID
    modules = ModuleTable(vdso: isThisKernel ? VDSO.bytes : [])
    self.samples = samples
  }

  /// What finds the stacks in a session.
  func finder(_ settings: SessionSettings, _ facts: any TargetFacts) -> SlowSyscallStacks? {
    settings.stacks.map { stacks in
      var stacks = stacks
      stacks.dumpSize = samples.stackBytes
      // What was not sampled cannot be had later.
      if stacks.user != .none { stacks.user = samples.stackBytes > 0 ? .dwarf : .framePointers }
      return SlowSyscallStacks(stacks, of: settings, source: modules, facts: facts)
    }
  }

  /// Takes in the samples before `time`, ns; to be called before the syscalls up to then are looked at.
  mutating func drain(before time: UInt64, into stacks: inout SlowSyscallStacks) throws(TraceFileError) {
    try stacks.take { store, changes throws(TraceFileError) in
      try samples.drain(before: time, into: &store, changes: &changes)
    }
  }

  /// What was lost of the recording so far.
  var loss: StackSampleLoss { samples.loss }

  /// The stacks of a window with all that names are found by.
  func pending(_ stacks: WindowStacks) -> PendingStacks { PendingStacks(stacks, modules, kallsyms: kallsyms) }
}
