/// What call frame information may cost, of all modules together: the files are the target's.
package struct FrameBudget {
  /// The most instructions of call frame programs for one stack: some tens for each frame, in real programs.
  static let instructionsPerStack = 1 << 18
  /// The most operations of expressions for one stack: a dozen for each frame that needs any.
  static let operationsPerStack = 1 << 18

  /// The number of bytes of sections that may still be read and kept. A scanned section costs about as much again for its index.
  package private(set) var bytes: UInt64 = 512 << 20
  /// The number of instructions that may still run for the stack that is unwound.
  var instructions = instructionsPerStack
  var operations = operationsPerStack

  /// Makes a budget of which nothing is spent.
  package init() {}

  /// Begins the next stack, which has as much as this one had.
  package mutating func startStack() {
    instructions = Self.instructionsPerStack
    operations = Self.operationsPerStack
  }

  /// Whether `count` bytes are left, which are taken then.
  package mutating func take(_ count: UInt64) -> Bool {
    guard count <= bytes else { return false }
    bytes -= count
    return true
  }
}
