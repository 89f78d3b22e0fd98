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
  let kallsyms: [UInt8]?

  /// The stacks of a window that has just closed. `roots`: those of the target's processes, whose perf maps are read where stacks
  /// need them; nil for a recording, where run-time compilers' code has no names. `kallsyms`: a recorded kernel's; empty where
  /// nobody knows it.
  init(_ stacks: WindowStacks, _ modules: ModuleTable, roots: TargetRoots? = nil, kallsyms: [UInt8]? = nil) {
    self.stacks = stacks
    self.roots = roots?.directories ?? []
    self.kallsyms = kallsyms
    for place in stacks.places.joined() {
      if place.module.isAnonymous, perfMaps[place.process] == nil {
        perfMaps[place.process] = roots?.readPerfMap(of: place.process)
      }
      if self.modules[place.module] == nil { self.modules[place.module] = modules[place.module]?.reference }
    }
  }
}
