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
    if let rule = syscall(code) { return rule }
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

  /// Behind an `svc #0` from which the function returns at once: it has no frame. The C library's clone ends its call frame
  /// information there, because in the child, where it returns 0 and clears the frame pointer, the stack is a new one.
  private static func syscall(_ code: CodeWindow) -> UnwindRule? {
    guard code.word(at: -4) == 0xD400_0001 else { return nil }
    var place = 0
    var isClone = false
    // cmp x0, #0; cmn x0, #4095
    while code.word(at: place) == 0xF100_001F || code.word(at: place) == 0xB13F_FC1F { place += 4 }
    // b.cond; cbz x0
    while let word = code.word(at: place), word & 0xFF00_0010 == 0x5400_0000 || word & 0xFF00_001F == 0xB400_0000 {
      let distance = Int(Int32(bitPattern: word << 8) >> 13) * 4
      let isZero = word & 0xFF00_0000 == 0xB400_0000 || word & 0xF == 0
      // mov x29, #0
      if isZero, code.word(at: place + distance) == 0xD280_001D { isClone = true }
      place += 4
    }
    guard code.word(at: place) == 0xD65F_03C0 else { return nil }
    return isClone ? leaf.ending(atZero: 0) : leaf
  }

  /// The kernel's `struct rt_sigframe`: 128 bytes of siginfo, 176 bytes into `struct ucontext` its `sigcontext`, whose
  /// first word is the fault's address.
  static func signalFrameOffset(of number: Int) -> UInt64? {
    (0...32).contains(number) ? 128 + 176 + 8 + 8 * UInt64(number) : nil
  }

  static func rule(forExpression bytes: ArraySlice<UInt8>, at address: UInt64) -> UnwindRule? { nil }
}
