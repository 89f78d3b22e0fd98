/// A function's place in a stack.
package struct Frame: Sendable, Equatable, BitwiseCopyable {
  /// In the process: of the instruction, or that the callee returns to.
  package let code: CodeAddress
  /// Whether it was found without call frame information, by the frame pointer or the instructions.
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
  /// As many frames as were asked for.
  case depthLimit
  /// Code of another kind than this machine's 64-bit programs.
  case unsupported
}

/// What unwinding came across.
package struct UnwindCounters: Sendable, Equatable {
  /// Frames in all stacks.
  package var frames: UInt64 = 0
  /// Steps for which the full row was evaluated.
  package var rows: UInt64 = 0
  /// Steps without call frame information.
  package var guesses: UInt64 = 0
  /// Addresses whose call frame information could not be read.
  package var malformed: UInt64 = 0
  /// Expressions that had no result.
  package var failedExpressions: UInt64 = 0
  /// Rules that were at hand.
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
