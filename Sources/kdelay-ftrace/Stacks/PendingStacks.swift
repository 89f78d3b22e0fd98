internal import Report
internal import TraceModel
internal import TraceSource
internal import Unwinder

/// The stacks of a sample's slow syscalls as addresses: who reports them finds the names, on another thread.
struct PendingStacks: Sendable {
  /// All but the names: with stacks by their numbers in `stacks`, and none of them.
  private(set) var found: SyscallStacks
  /// Empty where no stack goes through memory without a file.
  private(set) var perfMap: [UInt8] = []
  private(set) var stacks: [[StackPlace]] = []
  private(set) var modules: [ModuleID: ModuleReference] = [:]
  /// What the modules' files are looked for in, so that it stays open.
  private let roots: [OpenDirectory]

  /// `found` has stacks by their numbers in `table`. `root`: of the target, whose perf map is read where a stack needs it.
  init(_ found: SyscallStacks, of table: borrowing StackTable, _ modules: ModuleTable, root: borrowing TargetRoot) {
    self.found = found
    roots = root.directories
    var numbers: [Int32: Int32] = [-1: -1]
    for index in found.events.indices {
      self.found.events[index].user = number(found.events[index].user, table, &numbers)
      self.found.events[index].kernel = number(found.events[index].kernel, table, &numbers)
    }
    for index in found.waits.indices { self.found.waits[index] = number(found.waits[index], table, &numbers) }
    for place in stacks.joined() where self.modules[place.module] == nil {
      self.modules[place.module] = modules[place.module]?.reference
    }
    if stacks.joined().contains(where: { $0.module.isAnonymous }) { perfMap = root.readPerfMap() }
  }

  private mutating func number(_ stack: Int32, _ table: borrowing StackTable, _ numbers: inout [Int32: Int32]) -> Int32
  {
    if let known = numbers[stack] { return known }
    let number = Int32(stacks.count)
    stacks.append(table.places(of: stack))
    numbers[stack] = number
    return number
  }
}

/// Names the places of stacks, on the thread of the reports.
struct StackNamer: ~Copyable {
  private var symbolizer = Symbolizer()
  /// What `symbolizer` has read.
  private var perfMap: [UInt8] = []
  private var kernel: KernelCode?

  init() {}

  /// The report's form of the stacks.
  mutating func name(_ pending: PendingStacks) -> SyscallStacks {
    if pending.perfMap != perfMap {
      perfMap = pending.perfMap
      symbolizer.perfMap = PerfMap(perfMap)
    }
    var named = pending.found
    named.stacks = pending.stacks.map { stack in
      Array(stack.flatMap { frames(of: $0, pending) }.drop { $0.module == "kernel" && Self.isTracing($0) })
    }
    if pending.stacks.contains(where: { $0.first?.module == .kernel }), let refusal = kernel?.refusal {
      named.notes.append(refusal)
    }
    named.notes += symbolizer.notes
    if symbolizer.isCut {
      named.notes.append(
        "some debug information is damaged or too large to be read: names, inlined functions and lines can be missing.")
    }
    return named
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
      if kernel == nil { kernel = KernelCode.read() }
      return [kernel?.frame(at: place.address, lookup: place.offset)].compactMap { $0 }
    }
    return symbolizer.frames(of: place, in: pending.modules[place.module])
  }
}
