internal import TraceModel
internal import TraceSource
internal import Unwinder

/// The code of all processes in a recording, as its records change it.
struct RecordedProcesses {
  let modules = ModuleTable()
  private let vdso = VDSO.bytes
  private var processes: [Int32: ProcessCode] = [:]

  /// Takes in a record. They come in the order of time.
  mutating func apply(_ change: ProcessChange) {
    switch change.kind {
    case .created(let parent, _) where parent != change.pid:
      processes[change.pid] = processes[parent]?.child(pid: change.pid)
    default:
      // The kernel itself is process -1.
      guard change.pid >= 0 else { return }
      processes[
        change.pid,
        default: ProcessCode(modules: modules, files: TargetFiles(recorded: change.pid), vdso: vdso)
      ].apply(change)
    }
  }

  func space(of pid: Int32, at time: UInt64) -> AddressSpace { processes[pid]?.space(at: time) ?? AddressSpace() }
}
