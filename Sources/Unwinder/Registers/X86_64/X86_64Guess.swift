extension X86_64 {
  /// The rule of a frame with a frame pointer: the CFA is rbp+16, the return address lies below it and the caller's rbp below
  /// that.
  private static var frame: UnwindRule {
    var rule = UnwindRule(.guess, register: rbp, offset: 16, returnSlot: 1)
    rule.set(slot: 1, words: 2)
    return rule
  }

  /// The rule of a frame whose stack pointer is `bytes` below the CFA.
  private static func below(_ bytes: Int32) -> UnwindRule {
    UnwindRule(.guess, register: rsp, offset: bytes, returnSlot: 1)
  }

  static func guess(_ code: CodeWindow, isReturnAddress: Bool) -> UnwindRule {
    // mov $15, %rax; syscall: rt_sigreturn, which is "returned" to from a handler.
    if code.has([0x48, 0xC7, 0xC0, 0x0F, 0, 0, 0, 0x0F, 0x05], at: isReturnAddress ? 1 : 0) {
      return UnwindRule(.signalFrame)
    }
    // Behind a call the frame is set up.
    guard !isReturnAddress else { return isThreadStart(code) ? frame.ending(atZero: rbp) : frame }
    return syscall(code) ?? prologue(code) ?? epilogue(code) ?? linkage(code) ?? frame
  }

  /// Behind a `syscall` from which the function returns at once: nothing but the return address is on the stack. Elsewhere
  /// its locals are. The C library's clone and clone3 end their call frame information before it, because in the child,
  /// where they return 0 and clear the frame pointer, the stack is a new one.
  private static func syscall(_ code: CodeWindow) -> UnwindRule? {
    guard code.has([0x0F, 0x05], at: -2), returns(code, from: 0) else { return nil }
    return isClone(code) ? below(8).ending(atZero: rax) : below(8)
  }

  /// Whether `ret` comes next, whatever comparisons of rax and conditional jumps are before it.
  private static func returns(_ code: CodeWindow, from start: Int, jumps: Int = 0) -> Bool {
    var place = start
    while let length = lengthOfComparison(code, at: place) { place += length }
    if isReturn(code, at: place) { return true }
    guard jumps < 4, let jump = conditionalJump(code, at: place) else { return false }
    return returns(code, from: jump.next, jumps: jumps + 1) || returns(code, from: jump.target, jumps: jumps + 1)
  }

  /// The length of `test %rax,%rax` or `cmp $N,%rax`, of 32 bits as well, bytes.
  private static func lengthOfComparison(_ code: CodeWindow, at place: Int) -> Int? {
    let prefix = code[place] == 0x48 ? 1 : 0
    if code.has([0x85, 0xC0], at: place + prefix) { return prefix + 2 }
    if code.has([0x83, 0xF8], at: place + prefix) { return prefix + 3 }
    return code[place + prefix] == 0x3D ? prefix + 5 : nil
  }

  private static func conditionalJump(_ code: CodeWindow, at place: Int) -> (condition: UInt8, next: Int, target: Int)?
  {
    guard let first = code[place] else { return nil }
    if first & 0xF0 == 0x70, let distance = code[place + 1] {
      return (first & 0xF, place + 2, place + 2 + Int(Int8(bitPattern: distance)))
    }
    if first == 0x0F, let second = code[place + 1], second & 0xF0 == 0x80, let distance = code.word(at: place + 2) {
      return (second & 0xF, place + 6, place + 6 + Int(Int32(bitPattern: distance)))
    }
    return nil
  }

  /// Whether the code behind a `syscall` is that of a thread's start where it returned 0: `xor %ebp,%ebp`.
  private static func isClone(_ code: CodeWindow) -> Bool {
    var place = 0
    while let length = lengthOfComparison(code, at: place) { place += length }
    while let jump = conditionalJump(code, at: place) {
      // je, jne
      if jump.condition == 4 { return code.has([0x31, 0xED], at: jump.target) }
      if jump.condition == 5 { return code.has([0x31, 0xED], at: jump.next) }
      place = jump.next
    }
    return false
  }

  /// Whether the call was a thread's first, with the frame pointer cleared before it and the thread's end behind it: musl's
  /// clone, which has no call frame information.
  private static func isThreadStart(_ code: CodeWindow) -> Bool {
    // xor %ebp,%ebp; pop %rdi; call *%r9 before it; mov %eax,%edi; xor %eax,%eax; mov $SYS_exit,%al; syscall behind it.
    // The window's address is one before the return address.
    code.has([0x31, 0xED, 0x5F, 0x41, 0xFF, 0xD1, 0x89, 0xC7, 0x31, 0xC0, 0xB0, 0x3C, 0x0F, 0x05], at: -5)
  }

  private static func isReturn(_ code: CodeWindow, at place: Int = 0) -> Bool {
    let returns: [[UInt8]] = [[0xC3], [0xF3, 0xC3], [0xF2, 0xC3]]
    return returns.contains { code.has($0, at: place) }
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
    if isReturn(code) { return below(8) }
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
