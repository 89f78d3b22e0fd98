/// Which instructions a stretch of code holds.
package enum InstructionSet: Sendable {
  case x86_64
  /// 32-bit code.
  case i386
}

/// One decoded instruction: where it lies, and where the processor goes from there.
package struct Instruction: Sendable, Equatable {
  /// Where the processor goes on.
  package enum Flow: Sendable, Equatable {
    /// The processor goes on with the next instruction.
    case next
    /// The processor goes into a function, and, if that returns, to the next instruction; nil where the target is computed.
    case call(UInt64?)
    /// The processor goes to another address, or, if the jump is conditional, perhaps to the next instruction.
    case jump(UInt64, isConditional: Bool)
    /// The processor goes to an address that is computed.
    case indirectJump
    /// The processor goes back to the caller.
    case ret
    /// The processor goes nowhere that this program decides about: `ud2`, `int3`, `hlt`.
    case trap
    /// The processor goes to somewhere that no plain function goes: a far return, `iret`, `sysret`.
    case far
  }

  /// The instruction's address, as the image's symbols count.
  package let address: UInt64
  /// The instruction's length, 1 to 15 bytes.
  package let length: UInt8
  package let flow: Flow
  /// Whether the instruction only fills space.
  package let isPadding: Bool
  /// Whether the instruction begins with a `lock` prefix, which glibc jumps over where a process has one thread.
  package let isLocked: Bool

  /// The address of the next instruction.
  package var end: UInt64 { address &+ UInt64(length) }

  /// Whether the processor may go on with the instruction behind it.
  var fallsThrough: Bool {
    switch flow {
    case .next, .call, .jump(_, isConditional: true): true
    case .jump, .indirectJump, .ret, .trap, .far: false
    }
  }

  package init(address: UInt64, length: UInt8, flow: Flow, isPadding: Bool = false, isLocked: Bool = false) {
    self.address = address
    self.length = length
    self.flow = flow
    self.isPadding = isPadding
    self.isLocked = isLocked
  }
}
