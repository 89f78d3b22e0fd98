internal import Binaries
internal import Session
internal import TraceModel
internal import TraceSource
internal import Unwinder

/// The stacks of a window's slow syscalls with all that their names are found by, on another thread and at a later time.
struct PendingStacks: Sendable {
  let stacks: WindowStacks
  /// What run-time compilers have written of their code, by process, where stacks go through memory without a file.
  private(set) var perfMaps: [Int32: [UInt8]] = [:]
  private(set) var modules: [ModuleID: ModuleReference] = [:]
  /// What the modules' files are looked for in, so that it stays open.
  private let roots: [OpenDirectory]
  /// The text of the kernel's /proc/kallsyms; nil for the kernel that runs.
  private(set) var kallsyms: [UInt8]?

  /// Of a recording: run-time compilers' code has no names. `kallsyms`: the recorded kernel's; empty where nobody knows it.
  init(_ stacks: WindowStacks, _ modules: ModuleTable, kallsyms: [UInt8]) {
    self.stacks = stacks
    self.kallsyms = kallsyms
    roots = []
    for place in stacks.places.joined() where self.modules[place.module] == nil {
      self.modules[place.module] = modules[place.module]?.reference
    }
  }

  /// The stacks of a window that has just closed. `roots`: those of the target's processes, whose perf maps are read where stacks
  /// need them.
  init(_ stacks: WindowStacks, _ modules: ModuleTable, _ roots: TargetRoots) {
    self.stacks = stacks
    self.roots = roots.directories
    for place in stacks.places.joined() {
      if place.module.isAnonymous, perfMaps[place.process] == nil {
        perfMaps[place.process] = roots.readPerfMap(of: place.process)
      }
      if self.modules[place.module] == nil { self.modules[place.module] = modules[place.module]?.reference }
    }
  }
}
