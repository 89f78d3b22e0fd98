/// A function's place in a stack.
package struct Frame: Sendable, Equatable, BitwiseCopyable {
  /// The address of the code in the process: of the instruction, or that the callee returns to.
  package let code: CodeAddress
  /// Whether the frame was found without call frame information, by the frame pointer or the instructions.
  package let isGuessed: Bool
  package let module: ModuleID
  /// Where in the module's file the code lies that `code.lookup` means; the address itself without a module.
  package let offset: UInt64
}

/// Why a stack has no more frames.
package enum StackEnd: UInt8, Sendable, Equatable, CaseIterable, BitwiseCopyable {
  /// The outermost frame was reached.
  case complete
  /// The stack goes on where the copy of it ends.
  case truncated
  /// Nothing describes the last frame's code, and its frame pointer does not lead further.
  case noInformation
  /// A register that the last frame's rule needs is not known: a callee did not preserve it, or the sample lacks it.
  case missingRegister
  /// The stack does not hold what the call frame information says: an address that is no code, or no way out.
  case corrupt
  /// The kernel has replaced the return address for a return probe, and what it was is not known.
  case returnProbe
  /// The stack has as many frames as were asked for.
  case depthLimit
  /// The code is of another kind than this machine's 64-bit programs.
  case unsupported
}

/// What unwinding came across.
package struct UnwindCounters: Sendable, Equatable {
  /// The number of frames in all stacks.
  package var frames: UInt64 = 0
  /// The number of steps for which the full row was evaluated.
  package var rows: UInt64 = 0
  /// The number of steps without call frame information.
  package var guesses: UInt64 = 0
  /// The number of addresses whose call frame information could not be read.
  package var malformed: UInt64 = 0
  /// The number of expressions that had no result.
  package var failedExpressions: UInt64 = 0
  /// How often a rule was at hand in the cache.
  package var cache = CacheCounters()

  mutating func add(_ other: UnwindCounters) {
    frames += other.frames
    rows += other.rows
    guesses += other.guesses
    malformed += other.malformed
    failedExpressions += other.failedExpressions
    cache.hits += other.cache.hits
    cache.misses += other.cache.misses
    cache.collisions += other.cache.collisions
  }
}
