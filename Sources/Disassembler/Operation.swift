internal import CCapstone

/// A general-purpose register, whatever part of it is named: `al`, `eax` and `rax` are one.
struct Register: Equatable, Sendable {
  let number: UInt8

  private static let families: [[x86_reg]] = [
    [X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH],
    [X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH],
    [X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH],
    [X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH],
    [X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL],
    [X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL],
    [X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL],
    [X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL],
    [X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B], [X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B],
    [X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B], [X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B],
    [X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B], [X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B],
    [X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B], [X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B],
  ]

  /// The numbers of the registers here, by their numbers in capstone.
  private static let numbers: [UInt32: UInt8] = {
    var numbers: [UInt32: UInt8] = [:]
    for (number, family) in families.enumerated() {
      for name in family { numbers[name.rawValue] = UInt8(number) }
    }
    return numbers
  }()

  init?(_ register: x86_reg) {
    guard let number = Self.numbers[register.rawValue] else { return nil }
    self.number = number
  }
}

/// Some of the 16 general-purpose registers.
struct RegisterSet: Sendable {
  private var bits: UInt16 = 0
  static let all = RegisterSet(bits: .max)
  /// The registers that a call may change: all but rbx, rsp, rbp and r12 to r15.
  static let callerSaved = RegisterSet(bits: 0b0000_1111_1100_0111)

  init() {}
  private init(bits: UInt16) { self.bits = bits }

  mutating func insert(_ register: Register) { bits |= 1 << UInt16(register.number) }
  func union(_ other: RegisterSet) -> RegisterSet { RegisterSet(bits: bits | other.bits) }
  func contains(_ register: Register) -> Bool { bits & 1 << UInt16(register.number) != 0 }
}

/// Where in memory an operand lies.
struct MemoryOperand: Equatable, Sendable {
  /// The segment register's raw number in capstone; 0 for none. `base` and `index` are such numbers too.
  var segment: UInt32
  var base: UInt32
  var index: UInt32
  var scale: Int32
  var displacement: Int64

  /// Whether one of these registers says where it lies.
  func isAddressed(by registers: RegisterSet) -> Bool {
    [base, index].contains { Register(x86_reg(rawValue: $0)).map(registers.contains) ?? false }
  }
}

/// What an instruction does to registers, as far as a jump table is found by it.
struct Operation {
  enum Kind {
    /// `lea ADDRESS(%rip), REGISTER`, or `mov $ADDRESS, REGISTER`.
    case address(Register, UInt64)
    /// `movslq (BASE,INDEX,4), REGISTER`: a distance of a table of them.
    case loadDistance(Register, base: Register, index: Register)
    /// `mov ADDRESS(,INDEX,SIZE), REGISTER`: an address of a table of them.
    case loadAddress(Register, table: UInt64, index: Register)
    /// `jmp *ADDRESS(,INDEX,SIZE)`
    case jumpThrough(table: UInt64, index: Register)
    /// `jmp *REGISTER`
    case jumpTo(Register)
    /// `add SOURCE, REGISTER`
    case add(Register, Register)
    /// `mov` or `movzx` of a register.
    case copy(Register, from: Register)
    /// `mov` or `movzx` of memory.
    case load(Register, MemoryOperand)
    /// `cmp $NUMBER, REGISTER`
    case compare(Register, Int64)
    /// `cmp $NUMBER, MEMORY`
    case compareMemory(MemoryOperand, Int64)
    /// `and $NUMBER, REGISTER`
    case mask(Register, Int64)
    case other
  }

  /// A conditional jump by the carry flag: what a comparison of numbers without sign leads to.
  enum Condition {
    case above
    case aboveOrEqual
    case below
    case belowOrEqual

    /// What holds where the jump is not taken.
    var inverse: Condition {
      switch self {
      case .above: .belowOrEqual
      case .aboveOrEqual: .below
      case .below: .aboveOrEqual
      case .belowOrEqual: .above
      }
    }
  }

  let kind: Kind
  let condition: Condition?
  /// Registers that have another value afterwards.
  let writes: RegisterSet
  let writesFlags: Bool
  /// Whether something in memory may have another value afterwards.
  let writesMemory: Bool

  init(_ instruction: cs_insn, _ details: cs_x86, writes: RegisterSet, writesFlags: Bool, isCall: Bool) {
    // A function that is called leaves six registers as they were, and the kernel more.
    self.writes = isCall ? writes.union(.callerSaved) : writes
    self.writesFlags = writesFlags || isCall
    writesMemory = isCall || Self.writesMemory(instruction, details)
    condition =
      switch x86_insn(rawValue: instruction.id) {
      case X86_INS_JA: .above
      case X86_INS_JAE: .aboveOrEqual
      case X86_INS_JB: .below
      case X86_INS_JBE: .belowOrEqual
      default: nil
      }
    kind = Self.kind(instruction, details)
  }

  private static func writesMemory(_ instruction: cs_insn, _ details: cs_x86) -> Bool {
    switch x86_insn(rawValue: instruction.id) {
    case X86_INS_LEA, X86_INS_NOP, X86_INS_CMP, X86_INS_TEST, X86_INS_JMP: return false
    case X86_INS_PUSH, X86_INS_ENTER: return true
    default: break
    }
    return withUnsafeBytes(of: details.operands) { bytes in
      bytes.bindMemory(to: cs_x86_op.self).prefix(Int(details.op_count)).contains { operand in
        // Where capstone does not say what is done with it, it counts as written.
        operand.type == X86_OP_MEM && operand.access != UInt8(CS_AC_READ.rawValue)
      }
    }
  }

  private static func kind(_ instruction: cs_insn, _ details: cs_x86) -> Kind {
    let (first, second) = (details.operands.0, details.operands.1)
    let id = x86_insn(rawValue: instruction.id)
    if id == X86_INS_JMP, details.op_count == 1 { return jump(first) }
    guard details.op_count == 2 else { return .other }
    if first.type == X86_OP_MEM, second.type == X86_OP_IMM, id == X86_INS_CMP {
      return .compareMemory(MemoryOperand(first, after: instruction), second.imm)
    }
    guard first.type == X86_OP_REG, let register = Register(first.reg) else { return .other }
    switch (id, second.type) {
    case (X86_INS_LEA, X86_OP_MEM) where second.mem.base == X86_REG_RIP && second.mem.index == X86_REG_INVALID:
      return .address(register, instruction.address &+ UInt64(instruction.size) &+ UInt64(bitPattern: second.mem.disp))
    case (X86_INS_MOVABS, X86_OP_IMM), (X86_INS_MOV, X86_OP_IMM):
      return .address(register, UInt64(bitPattern: second.imm))
    case (X86_INS_MOVSXD, X86_OP_MEM): return distance(register, second, instruction)
    case (X86_INS_MOV, X86_OP_MEM), (X86_INS_MOVZX, X86_OP_MEM): return load(register, second, instruction)
    case (X86_INS_MOV, X86_OP_REG), (X86_INS_MOVZX, X86_OP_REG):
      return Register(second.reg).map { .copy(register, from: $0) } ?? .other
    case (X86_INS_ADD, X86_OP_REG): return Register(second.reg).map { .add(register, $0) } ?? .other
    case (X86_INS_CMP, X86_OP_IMM): return .compare(register, second.imm)
    case (X86_INS_AND, X86_OP_IMM): return .mask(register, second.imm)
    default: return .other
    }
  }

  private static func jump(_ operand: cs_x86_op) -> Kind {
    if operand.type == X86_OP_REG { return Register(operand.reg).map { .jumpTo($0) } ?? .other }
    guard operand.type == X86_OP_MEM, let (table, index) = tableOfAddresses(operand) else { return .other }
    return .jumpThrough(table: table, index: index)
  }

  private static func distance(_ register: Register, _ operand: cs_x86_op, _ instruction: cs_insn) -> Kind {
    let memory = operand.mem
    guard memory.scale == 4, memory.disp == 0, memory.segment == X86_REG_INVALID, operand.size == 4,
      let base = Register(memory.base), let index = Register(memory.index)
    else { return .load(register, MemoryOperand(operand, after: instruction)) }
    return .loadDistance(register, base: base, index: index)
  }

  private static func load(_ register: Register, _ operand: cs_x86_op, _ instruction: cs_insn) -> Kind {
    if let (table, index) = tableOfAddresses(operand) { return .loadAddress(register, table: table, index: index) }
    return .load(register, MemoryOperand(operand, after: instruction))
  }

  /// `ADDRESS(,INDEX,SIZE)`, SIZE that of an address.
  private static func tableOfAddresses(_ operand: cs_x86_op) -> (UInt64, Register)? {
    let memory = operand.mem
    guard memory.scale == Int32(operand.size), operand.size >= 4, memory.base == X86_REG_INVALID, memory.disp > 0,
      memory.segment == X86_REG_INVALID, let index = Register(memory.index)
    else { return nil }
    return (UInt64(memory.disp), index)
  }
}

extension MemoryOperand {
  init(_ operand: cs_x86_op, after instruction: cs_insn) {
    let memory = operand.mem
    segment = memory.segment.rawValue
    scale = memory.scale
    index = memory.index.rawValue
    base = memory.base.rawValue
    displacement = memory.disp
    // Relative to the instruction, the same place has another distance from each.
    guard memory.base == X86_REG_RIP else { return }
    base = 0
    displacement = Int64(bitPattern: instruction.address &+ UInt64(instruction.size) &+ UInt64(bitPattern: memory.disp))
  }
}
