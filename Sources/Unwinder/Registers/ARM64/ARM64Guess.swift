extension ARM64 {
  /// The frame record: x29 points to the caller's x29, with the return address above it.
  private static var frame: UnwindRule {
    var rule = UnwindRule(.guess, register: x29, offset: 16, returnSlot: 1)
    rule.set(slot: 10, words: 2)
    return rule
  }

  /// No frame: the return address is in the link register.
  private static var leaf: UnwindRule { UnwindRule(.guess, register: sp, offset: 0, returnSlot: 0) }

  static func guess(_ code: CodeWindow, isReturnAddress: Bool) -> UnwindRule {
    // mov x8, #139; svc #0: rt_sigreturn, which is "returned" to from a handler.
    let start = isReturnAddress ? 1 : 0
    if code.word(at: start) == 0xD280_1168, code.word(at: start + 4) == 0xD400_0001 {
      return UnwindRule(.signalFrame)
    }
    guard !isReturnAddress, let here = code.word(at: 0) else { return frame }
    switch here {
    // ret; bti c, paciasp: a function's first instructions.
    case 0xD65F_03C0, 0xD503_245F, 0xD503_233F: return leaf
    // adrp x16: a PLT stub's first instruction; br x17: its last.
    case let word where word & 0x9F00_001F == 0x9000_0010: return leaf
    case 0xD61F_0220: return leaf
    // stp x29, x30, [sp, #-N]!
    case let word where word & 0xFFC0_7FFF == 0xA980_7BFD: return leaf
    default: return frame
    }
  }

  /// The kernel's `struct rt_sigframe`: 128 bytes of siginfo, 176 bytes into `struct ucontext` its `sigcontext`, whose
  /// first word is the fault's address.
  static func signalFrameOffset(of number: Int) -> UInt64? {
    (0...32).contains(number) ? 128 + 176 + 8 + 8 * UInt64(number) : nil
  }

  static func rule(forExpression bytes: ArraySlice<UInt8>, at address: UInt64) -> UnwindRule? { nil }
}
