/// Where a user stack stops, in the words of the report.
package enum UserStackEnd: String, Sendable, Equatable, CaseIterable {
  case complete
  /// The stack goes on behind the bytes that were copied of it.
  case truncated
  case noInformation = "no unwind information"
  case missingRegister = "missing register"
  case corrupt
  case depthLimit = "depth limit"
  /// A return probe, of whatever tool, has taken the return address's place.
  case returnProbe = "return probe"
  /// The code is 32-bit code.
  case unsupported = "32-bit code"
  /// The stack goes as far as frame pointers led, which nothing confirms.
  case framePointers = "frame pointers"
  /// Stacks were not asked for.
  case notSampled = "not sampled"
  /// There is no sample of the stack.
  case lost
  /// There was no room for the stack among those of the window.
  case notKept = "not kept"
}
