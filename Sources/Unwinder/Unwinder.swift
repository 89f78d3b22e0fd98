package import TraceModel

/// Walks stacks: registers and stack bytes in, frames out. The registers say which machine's stack it is: a recording may come from
/// another one.
///
/// It asks its `CodeSource` when a stack first goes through some code; once the code of a stack has been seen, no memory is
/// allocated.
package struct Unwinder: ~Copyable {
  /// The most frames that are looked for in a stack, whatever is asked for.
  package static let depthLimit = 4096

  // Each is specialised for its machine, and made when a stack of that machine first comes: its caches are a quarter of a megabyte.
  private var x86_64: UnwindCore<X86_64>?
  private var arm64: UnwindCore<ARM64>?
  private let source: any CodeSource

  /// Makes an unwinder. `source` has the modules that the address spaces refer to.
  package init(source: any CodeSource) { self.source = source }

  /// What the unwinder came across so far.
  package var counters: UnwindCounters {
    var counters = UnwindCounters()
    switch x86_64 {
    case .some(let core): counters.add(core.allCounters)
    case .none: break
    }
    switch arm64 {
    case .some(let core): counters.add(core.allCounters)
    case .none: break
    }
    return counters
  }

  /// Appends the frames of a stack, innermost first, and says why there are no more.
  ///
  /// `registers` are the thread's, `stack` is what was above its stack pointer, `space` its process's mappings, `returns`
  /// what is known of calls whose return a probe waits for, all of the same moment. At most `limit` frames are appended.
  package mutating func unwind(
    _ registers: UserRegisters, stack: StackBytes, space: borrowing AddressSpace, limit: Int = 1024,
    returns: PendingReturns? = nil, into frames: inout FlatArray<Frame>
  ) -> StackEnd {
    let limit = min(limit, Self.depthLimit)
    switch registers.architecture {
    case .x86_64:
      if x86_64 == nil { x86_64 = UnwindCore(source: source) }
      return x86_64?.unwind(registers, stack, space, limit: limit, returns, into: &frames) ?? .unsupported
    case .arm64:
      if arm64 == nil { arm64 = UnwindCore(source: source) }
      return arm64?.unwind(registers, stack, space, limit: limit, returns, into: &frames) ?? .unsupported
    }
  }
}
