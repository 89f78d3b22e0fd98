internal import Binaries
internal import Session
internal import TraceModel
internal import TraceSource
internal import Unwinder

/// Names the places of stacks, on the thread of the reports.
struct StackNamer: ~Copyable {
  private var symbolizer = Symbolizer()
  /// What `symbolizer` has read.
  private var perfMaps: [Int32: [UInt8]] = [:]
  private var kernel: KernelCode?

  init() {}

  /// The frames of each stack, and what the reader must know of them.
  mutating func name(_ pending: PendingStacks) -> (frames: [[StackFrame]], notes: [String]) {
    if pending.perfMaps != perfMaps {
      perfMaps = pending.perfMaps
      symbolizer.perfMaps = perfMaps.mapValues { PerfMap($0) }
    }
    let stacks = pending.stacks.places.map { stack in
      Array(stack.flatMap { frames(of: $0, pending) }.drop { $0.module == "kernel" && Self.isTracing($0) })
    }
    var notes = pending.stacks.notes
    if pending.stacks.places.contains(where: { $0.first?.module == .kernel }), let refusal = kernel?.refusal {
      notes.append(refusal)
    }
    notes += symbolizer.notes
    if symbolizer.isCut {
      notes.append(
        "some debug information is damaged or too large to be read: names, inlined functions and lines can be missing.")
    }
    return (stacks, notes)
  }

  /// Beginnings of the names of what calls the sampling.
  private static let tracing = ["__traceiter_", "perf_trace_", "do_perf_trace_", "trace_event_raw_event_"]

  /// The sampling itself, on top of what was sampled.
  private static func isTracing(_ frame: StackFrame) -> Bool {
    guard let symbol = frame.symbol else { return false }
    return tracing.contains { symbol.hasPrefix($0) }
  }

  private mutating func frames(of place: StackPlace, _ pending: PendingStacks) -> [StackFrame] {
    if place.module == .kernel {
      if kernel == nil { kernel = pending.kallsyms.map { KernelCode(recorded: $0) } ?? KernelCode.read() }
      return [kernel?.frame(at: place.address, lookup: place.offset)].compactMap { $0 }
    }
    return symbolizer.frames(of: place, in: pending.modules[place.module])
  }
}
