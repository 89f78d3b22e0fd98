internal import CCapstone

/// Decodes x86 instructions by libcapstone, one at a time.
///
/// The bytes are a file's that the target controls: they are only looked at within their bounds.
struct Decoder: ~Copyable {
  /// The longest instruction of x86, in bytes.
  static let longest = 15

  private let handle: csh
  /// Where capstone writes the instruction, with its details.
  private let scratch: UnsafeMutablePointer<cs_insn>

  /// Opens capstone; nil if it is built without x86, or there is no memory.
  init?(_ set: InstructionSet) {
    var handle: csh = 0
    guard cs_open(CS_ARCH_X86, set == .x86_64 ? CS_MODE_64 : CS_MODE_32, &handle) == CS_ERR_OK else { return nil }
    cs_option(handle, CS_OPT_DETAIL, Int(CS_OPT_ON.rawValue))
    guard let scratch = cs_malloc(handle) else {
      cs_close(&handle)
      return nil
    }
    self.handle = handle
    self.scratch = scratch
  }

  deinit {
    cs_free(scratch, 1)
    var handle = handle
    cs_close(&handle)
  }

  /// The instruction at `offset` of the code that begins at `start`; nil if there is none that capstone knows.
  func instruction(in code: [UInt8], at offset: Int, start: UInt64) -> Instruction? {
    guard let found = decode(code, at: offset, start: start) else { return nil }
    return Instruction(
      address: found.address, length: UInt8(found.size), flow: flow(of: found), isPadding: isPadding(found),
      isLocked: isLocked(code, offset, Int(found.size)))
  }

  /// What the instruction there does to registers; nil if there is none.
  func operation(in code: [UInt8], at offset: Int, start: UInt64) -> Operation? {
    guard let found = decode(code, at: offset, start: start) else { return nil }
    let (registers, flags) = writtenRegisters()
    let isCall =
      switch x86_insn(rawValue: found.id) {
      case X86_INS_CALL, X86_INS_SYSCALL, X86_INS_SYSENTER, X86_INS_INT: true
      default: false
      }
    return Operation(found, details(of: found), writes: registers, writesFlags: flags, isCall: isCall)
  }

  private func decode(_ code: [UInt8], at offset: Int, start: UInt64) -> cs_insn? {
    guard code.indices.contains(offset) else { return nil }
    return code.withUnsafeBufferPointer { bytes -> cs_insn? in
      var next: UnsafePointer<UInt8>? = bytes.baseAddress.map { $0 + offset }
      var left = min(bytes.count - offset, Self.longest)
      var address = start &+ UInt64(offset)
      guard cs_disasm_iter(handle, &next, &left, &address, scratch), scratch.pointee.size > 0 else { return nil }
      return scratch.pointee
    }
  }

  private func details(of instruction: cs_insn) -> cs_x86 { instruction.detail.pointee.x86 }

  private func flow(of instruction: cs_insn) -> Instruction.Flow {
    switch x86_insn(rawValue: instruction.id) {
    case X86_INS_RET: return .ret
    case X86_INS_RETF, X86_INS_RETFQ, X86_INS_IRET, X86_INS_IRETD, X86_INS_IRETQ, X86_INS_SYSRET, X86_INS_SYSEXIT,
      X86_INS_LJMP, X86_INS_LCALL:
      return .far
    case X86_INS_UD2, kdelay_x86_ins_ud1(), X86_INS_UD0, X86_INS_INT3, X86_INS_INT1, X86_INS_HLT: return .trap
    case X86_INS_CALL: return .call(target(of: instruction))
    case X86_INS_JMP:
      guard let target = target(of: instruction) else { return .indirectJump }
      return .jump(target, isConditional: false)
    case X86_INS_XBEGIN: return target(of: instruction).map { .jump($0, isConditional: true) } ?? .far
    default:
      guard cs_insn_group(handle, scratch, UInt32(X86_GRP_JUMP.rawValue)) || isLoop(instruction) else { return .next }
      return target(of: instruction).map { .jump($0, isConditional: true) } ?? .indirectJump
    }
  }

  private func isLoop(_ instruction: cs_insn) -> Bool {
    switch x86_insn(rawValue: instruction.id) {
    case X86_INS_LOOP, X86_INS_LOOPE, X86_INS_LOOPNE, X86_INS_JCXZ, X86_INS_JECXZ, X86_INS_JRCXZ: true
    default: false
    }
  }

  /// Where a direct jump or call goes.
  private func target(of instruction: cs_insn) -> UInt64? {
    let details = details(of: instruction)
    guard details.op_count == 1, details.operands.0.type == X86_OP_IMM else { return nil }
    return UInt64(bitPattern: details.operands.0.imm)
  }

  private func isPadding(_ instruction: cs_insn) -> Bool {
    switch x86_insn(rawValue: instruction.id) {
    case X86_INS_NOP, X86_INS_INT3, X86_INS_UD2: return true
    // xchg %ax,%ax
    case X86_INS_XCHG:
      let operands = details(of: instruction).operands
      return operands.0.type == X86_OP_REG && operands.1.type == X86_OP_REG && operands.0.reg == operands.1.reg
    default: return false
    }
  }

  private func isLocked(_ code: [UInt8], _ offset: Int, _ length: Int) -> Bool {
    code[offset] == 0xF0 && length > 1
  }

  private func writtenRegisters() -> (registers: RegisterSet, flags: Bool) {
    // cs_regs is an array of 64 numbers.
    var read = [UInt16](repeating: 0, count: 64)
    var written = read
    var (readCount, writtenCount): (UInt8, UInt8) = (0, 0)
    guard cs_regs_access(handle, scratch, &read, &readCount, &written, &writtenCount) == CS_ERR_OK else {
      return (.all, true)
    }
    var set = RegisterSet()
    var flags = false
    for register in written.prefix(Int(writtenCount)) {
      flags = flags || UInt32(register) == X86_REG_EFLAGS.rawValue
      if let register = Register(x86_reg(rawValue: UInt32(register))) { set.insert(register) }
    }
    return (set, flags)
  }
}
