/// What the kernel can do with an instruction that a uprobe is put at (arch/x86/kernel/uprobes.c).
///
/// It runs a copy of the instruction elsewhere, or does its work itself; what neither is possible for it refuses
/// (ENOTSUPP) when a process has the code mapped. Where none has yet, nobody is told, and the probe never fires.
package struct UprobeRules: Sendable {
  /// Why a probe cannot be there.
  package enum Refusal: Sendable, Equatable {
    /// The bytes are no instruction that is known, or are cut off.
    case unknown
    /// It has a prefix that the kernel refuses.
    case prefix(String)
    /// It is one of those that end or stop the program, or that only the kernel may use.
    case instruction(String)
  }

  private let set: InstructionSet

  package init(_ set: InstructionSet) { self.set = set }

  /// Why the kernel would refuse a probe at the instruction that `bytes` begin with; nil if it takes it. Kernels before
  /// 6.0 refuse some more.
  package func refusal(of bytes: some Collection<UInt8>) -> Refusal? {
    guard let code = Encoding(bytes, set) else { return .unknown }
    for prefix in code.prefixes {
      if prefix == 0xF0 { return .prefix("lock") }
      if [0x26, 0x2E, 0x36, 0x3E].contains(prefix) { return .prefix(prefix == 0x3E ? "notrack or ds" : "segment") }
    }
    guard !isRefused(code.opcode) else { return .instruction(Self.name(of: code.opcode)) }
    // Loading the stack segment holds back the trap after it: mov to ss, pop ss.
    if code.opcode == 0x8E, let next = code.next, next >> 3 & 7 == 2 { return .instruction("mov to ss") }
    if code.prefixes.contains(0x66), isBranch(code) { return .prefix("operand size") }
    return nil
  }

  /// Opcodes of which the kernel takes none: invalid ones, and those that a program cannot, or should not, run.
  private func isRefused(_ opcode: UInt8) -> Bool {
    switch opcode {
    case 0x07, 0x17, 0x1F, 0x6C...0x6F, 0xCC...0xCF, 0xE4...0xE7, 0xEC...0xEF, 0xF1, 0xF4, 0xFA, 0xFB: true
    case 0x06, 0x0E, 0x16, 0x1E, 0x27, 0x2F, 0x37, 0x3F, 0x60...0x62, 0x82, 0x9A, 0xD4...0xD6, 0xEA: set == .x86_64
    default: false
    }
  }

  private func isBranch(_ code: Encoding) -> Bool {
    switch code.opcode {
    case 0x70...0x7F, 0xE8, 0xE9, 0xEB: !code.isVector
    case 0x0F: code.next.map { 0x80...0x8F ~= $0 } ?? false
    default: false
    }
  }

  private static func name(of opcode: UInt8) -> String {
    switch opcode {
    case 0xCC: "int3"
    case 0xCD: "int"
    case 0xCF: "iret"
    case 0xF1: "int1"
    case 0xF4: "hlt"
    case 0xFA: "cli"
    case 0xFB: "sti"
    case 0xE4, 0xE5, 0xEC, 0xED: "in"
    case 0xE6, 0xE7, 0xEE, 0xEF: "out"
    case 0x6C, 0x6D: "ins or a vector instruction with its opcode"
    case 0x6E, 0x6F: "outs or a vector instruction with its opcode"
    default: "opcode 0x" + (opcode < 16 ? "0" : "") + String(opcode, radix: 16)
    }
  }

  /// Whether the kernel may put a call in the place of the instruction (Linux 6.18, at any 5-byte nop of a 64-bit
  /// program): that writes below the stack pointer, where a function that calls nobody may keep its variables.
  ///
  /// Every instruction of 5 bytes that does nothing counts, in whatever form: kernels differ in which they know.
  package func mayBecomeCall(_ bytes: some Collection<UInt8>) -> Bool {
    guard set == .x86_64, bytes.count >= 5, let decoder = Decoder(set),
      let instruction = decoder.instruction(in: Array(bytes.prefix(Decoder.longest)), at: 0, start: 0)
    else { return false }
    return instruction.length == 5 && doesNothing(Array(bytes.prefix(5)))
  }

  private func doesNothing(_ bytes: [UInt8]) -> Bool {
    guard let code = Encoding(bytes, set), !code.isVector else { return false }
    switch code.opcode {
    case 0x90: return true
    case 0x0F: return code.next == 0x1F
    // mov or xchg of a register to itself, lea 0(REGISTER), REGISTER: forms that assemblers fill space with.
    case 0x87, 0x89, 0x8B: return code.next.map { $0 >> 6 == 3 && code.namesOneRegister($0, $0) } ?? false
    case 0x8D:
      guard let next = code.next, next >> 6 == 1, next & 7 == 4 else { return false }
      // Index 4 is none; the distance is the last byte.
      let scaled = bytes[3]
      return scaled >> 3 & 7 == 4 && code.rex & 2 == 0 && bytes[4] == 0 && code.namesOneRegister(next, scaled)
    default: return false
    }
  }
}

/// An instruction's prefixes and opcode as the kernel's own decoder sees them.
private struct Encoding {
  var prefixes: [UInt8] = []
  /// The first byte of the opcode; of a VEX- or EVEX-encoded instruction the byte behind that prefix.
  var opcode: UInt8 = 0
  /// The byte behind it.
  var next: UInt8?
  /// The REX prefix; 0 for none.
  var rex: UInt8 = 0
  var isVector = false

  init?(_ bytes: some Collection<UInt8>, _ set: InstructionSet) {
    let bytes = Array(bytes.prefix(Decoder.longest))
    var offset = 0
    while offset < bytes.count, Self.isPrefix(bytes[offset]) {
      prefixes.append(bytes[offset])
      offset += 1
    }
    if set == .x86_64, offset < bytes.count, bytes[offset] & 0xF0 == 0x40 {
      rex = bytes[offset]
      offset += 1
    }
    guard offset < bytes.count else { return nil }
    if let size = Self.vectorPrefix(bytes, offset, set) {
      isVector = true
      offset += size
    }
    guard offset < bytes.count else { return nil }
    opcode = bytes[offset]
    next = offset + 1 < bytes.count ? bytes[offset + 1] : nil
  }

  /// Whether the register of a ModRM byte is that of the lowest three bits of `other`, which is it or an SIB byte.
  func namesOneRegister(_ modes: UInt8, _ other: UInt8) -> Bool {
    modes >> 3 & 7 == other & 7 && rex >> 2 & 1 == rex & 1
  }

  private static func isPrefix(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x26, 0x2E, 0x36, 0x3E, 0x64...0x67, 0xF0, 0xF2, 0xF3: true
    default: false
    }
  }

  /// The length of a VEX or EVEX prefix, bytes; nil where there is none. In 32-bit code the same bytes are les, lds and bound, if
  /// the next one names memory.
  private static func vectorPrefix(_ bytes: [UInt8], _ offset: Int, _ set: InstructionSet) -> Int? {
    guard offset + 1 < bytes.count, set == .x86_64 || bytes[offset + 1] >> 6 == 3 else { return nil }
    switch bytes[offset] {
    case 0xC5: return 2
    case 0xC4: return 3
    case 0x62: return 4
    default: return nil
    }
  }
}
