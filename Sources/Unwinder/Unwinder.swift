package import TraceModel

/// Walks stacks of this machine's kind: registers and stack bytes in, frames out.
///
/// It reads the target's files when a stack first goes through them, and nothing else; once the code of a stack has
/// been seen, no memory is allocated.
package struct Unwinder: ~Copyable {
  /// More frames than this are not looked for, whatever is asked for.
  package static let depthLimit = 4096

  private var core: UnwindCore<NativeArchitecture>

  /// `modules` are those that the address spaces refer to.
  package init(modules: ModuleTable) { core = UnwindCore(modules: modules) }

  /// What was come across so far.
  package var counters: UnwindCounters { core.allCounters }

  /// Appends the frames of a stack, innermost first, and says why there are no more.
  ///
  /// `registers` are the thread's, `stack` is what was above its stack pointer, `space` its process's mappings, `returns`
  /// what is known of calls whose return a probe waits for, all of the same moment. At most `limit` frames are appended.
  package mutating func unwind(
    _ registers: UserRegisters, stack: StackBytes, space: borrowing AddressSpace, limit: Int = 1024,
    returns: PendingReturns? = nil, into frames: inout FlatArray<Frame>
  ) -> StackEnd {
    core.returns = returns
    defer { core.returns = nil }
    return core.unwind(registers, stack, space, limit: min(limit, Self.depthLimit), into: &frames)
  }
}
