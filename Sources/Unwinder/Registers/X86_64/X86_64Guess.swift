extension X86_64 {
  /// rbp+16, the return address below it and the caller's rbp below that.
  private static var frame: UnwindRule {
    var rule = UnwindRule(.guess, register: rbp, offset: 16, returnSlot: 1)
    rule.set(slot: 1, words: 2)
    return rule
  }

  /// The stack pointer `bytes` below the CFA.
  private static func below(_ bytes: Int32) -> UnwindRule {
    UnwindRule(.guess, register: rsp, offset: bytes, returnSlot: 1)
  }

  static func guess(_ code: CodeWindow, isReturnAddress: Bool) -> UnwindRule {
    // mov $15, %rax; syscall: rt_sigreturn, which is "returned" to from a handler.
    if code.has([0x48, 0xC7, 0xC0, 0x0F, 0, 0, 0, 0x0F, 0x05], at: isReturnAddress ? 1 : 0) {
      return UnwindRule(.signalFrame)
    }
    // Behind a call the frame is set up.
    guard !isReturnAddress else { return frame }
    // A C library's `syscall` without call frame information: its clone and clone3, which set up no frame (the child has
    // none to return to), and end their FDE before it.
    if code.has([0x0F, 0x05], at: -2) { return below(8) }
    return prologue(code) ?? epilogue(code) ?? linkage(code) ?? frame
  }

  private static func prologue(_ code: CodeWindow) -> UnwindRule? {
    let moves: [[UInt8]] = [[0x48, 0x89, 0xE5], [0x48, 0x8B, 0xEC]]
    // endbr64 is a function's first instruction, where only the call's push has been.
    if code.has([0xF3, 0x0F, 0x1E, 0xFA]) { return below(8) }
    if moves.contains(where: { code.has([0x55] + $0) }) { return below(8) }
    if code[-1] == 0x55, moves.contains(where: { code.has($0) }) {
      var rule = below(16)
      rule.set(slot: 1, words: 2)
      return rule
    }
    return nil
  }

  private static func epilogue(_ code: CodeWindow) -> UnwindRule? {
    let returns: [[UInt8]] = [[0xC3], [0xF3, 0xC3], [0xF2, 0xC3]]
    if returns.contains(where: { code.has($0) }) { return below(8) }
    // pop %rbp; ret
    if code.has([0x5D, 0xC3]) {
      var rule = below(16)
      rule.set(slot: 1, words: 2)
      return rule
    }
    return nil
  }

  /// Stubs of the procedure linkage table.
  private static func linkage(_ code: CodeWindow) -> UnwindRule? {
    // jmp *N(%rip), with or without bnd, before anything is pushed; but behind PLT0's push two words are.
    if code.has([0xFF, 0x25]) || code.has([0xF2, 0xFF, 0x25]) {
      return code.has([0xFF, 0x35], at: -6) ? below(24) : below(8)
    }
    // pushq N(%rip) of PLT0, with the relocation's number already there.
    if code.has([0xFF, 0x35]) { return below(16) }
    // push $N, then jmp PLT0
    if code[0] == 0x68, code[5] == 0xE9 || code.has([0xF2, 0xE9], at: 5) { return below(8) }
    if code[-5] == 0x68, code[0] == 0xE9 || code.has([0xF2, 0xE9]) { return below(16) }
    return nil
  }

  /// The kernel's `struct rt_sigframe` behind the return address: `uc_mcontext` is 40 bytes into `struct ucontext`.
  static func signalFrameOffset(of number: Int) -> UInt64? {
    // r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip
    let order = [8, 9, 10, 11, 12, 13, 14, 15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip]
    return order.firstIndex(of: number).map { 40 + 8 * UInt64($0) }
  }

  /// `rsp + 8 + ((rip & 15) >= N) * 8`: in a PLT's stub of 16 bytes the push lies before byte N.
  static func rule(forExpression bytes: ArraySlice<UInt8>, at address: UInt64) -> UnwindRule? {
    // breg7 8, breg16 0, lit15, and, litN, ge, lit3, shl, plus
    let bytes = Array(bytes)
    guard bytes.count == 11, bytes[..<6].elementsEqual([0x77, 8, 0x80, 0, 0x3F, 0x1A]),
      (0x30...0x4F).contains(bytes[6]), bytes[7...].elementsEqual([0x2A, 0x33, 0x24, 0x22])
    else { return nil }
    let isPushed = address & 15 >= UInt64(bytes[6] - 0x30)
    return UnwindRule(.registerOffset, register: rsp, offset: isPushed ? 16 : 8, returnSlot: 1)
  }
}
