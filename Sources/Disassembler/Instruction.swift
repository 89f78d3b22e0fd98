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
    /// With the next instruction.
    case next
    /// Into a function, and, if that returns, with the next instruction; nil where the target is computed.
    case call(UInt64?)
    /// To another address, or, if it is conditional, perhaps with the next instruction.
    case jump(UInt64, isConditional: Bool)
    /// To an address that is computed.
    case indirectJump
    /// To the caller.
    case ret
    /// Nowhere that this program decides about: `ud2`, `int3`, `hlt`.
    case trap
    /// To somewhere that no plain function goes: a far return, `iret`, `sysret`.
    case far
  }

  /// As the image's symbols count.
  package let address: UInt64
  /// In bytes, 1 to 15.
  package let length: UInt8
  package let flow: Flow
  /// Whether it only fills space.
  package let isPadding: Bool
  /// Whether it begins with a `lock` prefix, which glibc jumps over where a process has one thread.
  package let isLocked: Bool

  /// Where the next one lies.
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
