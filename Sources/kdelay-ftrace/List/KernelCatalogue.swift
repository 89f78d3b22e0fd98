internal import TraceSource

/// The kernel's tracepoints, and its functions that a kprobe can be at.
struct KernelCatalogue {
  private let tracefs: any TracefsAccess
  private let filter: ListFilter

  init(_ tracefs: any TracefsAccess, _ filter: ListFilter) {
    self.tracefs = tracefs
    self.filter = filter
  }

  func forEach(_ body: (ListEntry) throws -> Void) throws {
    if filter.admits(.tracepoint) {
      for event in try tracefs.read("available_events").split(separator: "\n").sorted() {
        try body(ListEntry(kind: .tracepoint, name: String(event)))
      }
    }
    guard filter.admits(.kernelFunction), tracefs.exists("kprobe_events") else { return }
    for function in KernelSymbols.probeable(tracefs) {
      try body(ListEntry(kind: .kernelFunction, name: function))
    }
  }
}
