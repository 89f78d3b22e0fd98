import Testing

@testable import Disassembler

struct UprobeRulesTests {
  private let rules = UprobeRules(.x86_64)

  @Test func whatTheKernelCannotRunElsewhereIsRefused() {
    let refused: [([UInt8], UprobeRules.Refusal)] = [
      ([0xF0, 0xFF, 0x04, 0x24], .prefix("lock")), ([0xCC], .instruction("int3")), ([0xF4], .instruction("hlt")),
      ([0xCD, 0x80], .instruction("int")), ([0xE4, 0x10], .instruction("in")), ([0xEE], .instruction("out")),
      ([0x3E, 0xFF, 0xE0], .prefix("notrack or ds")),
      ([0x66, 0x2E, 0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0], .prefix("segment")),
      ([0x66, 0xE8, 0, 0, 0, 0], .prefix("operand size")), ([0x8E, 0xD0], .instruction("mov to ss")), ([], .unknown),
      // vmovdqu (%rdi),%ymm0: the kernel looks at the opcode alone, which without VEX is outs.
      ([0xC5, 0xFE, 0x6F, 0x07], .instruction("outs or a vector instruction with its opcode")),
    ]
    for (bytes, reason) in refused { #expect(rules.refusal(of: bytes) == reason, "\(bytes)") }
    // push %rbp; endbr64; ret; rep ret; call; syscall; nop; vmovups (%rdi),%ymm0; mov %fs:0,%rax
    for bytes: [UInt8] in [
      [0x55], [0xF3, 0x0F, 0x1E, 0xFA], [0xC3], [0xF3, 0xC3], [0xE8, 0, 0, 0, 0], [0x0F, 0x05], [0x90],
      [0xC5, 0xFC, 0x10, 0x07], [0x64, 0x48, 0x8B, 0x04, 0x25, 0, 0, 0, 0],
    ] {
      #expect(rules.refusal(of: bytes) == nil, "\(bytes)")
    }
    // push %es is one in 32-bit code alone.
    #expect(rules.refusal(of: [0x06]) != nil && UprobeRules(.i386).refusal(of: [0x06]) == nil)
  }

  @Test func nopsOfFiveBytesMayBecomeCalls() {
    for bytes: [UInt8] in [
      [0x0F, 0x1F, 0x44, 0x00, 0x00], [0x66, 0x0F, 0x1F, 0x40, 0x00], [0x66, 0x66, 0x66, 0x66, 0x90],
      // mov %rax,%rax and lea 0(%rax),%rax, filled up
      [0x66, 0x66, 0x48, 0x89, 0xC0], [0x48, 0x8D, 0x44, 0x20, 0x00],
    ] {
      #expect(rules.mayBecomeCall(bytes + [0xC3]), "\(bytes)")
      #expect(!UprobeRules(.i386).mayBecomeCall(bytes + [0xC3]))
    }
    // Other lengths; mov %rbx,8(%rsp); lea 8(%rsp),%rax; call; mov $0,%eax; and what is cut off.
    for bytes: [UInt8] in [
      [0x90, 0x90, 0x90, 0x90, 0x90], [0x0F, 0x1F, 0x40, 0x00, 0xC3], [0x66, 0x0F, 0x1F, 0x44, 0x00, 0x00],
      [0x48, 0x89, 0x5C, 0x24, 0x08], [0x48, 0x8D, 0x44, 0x24, 0x08], [0xE8, 0, 0, 0, 0], [0xB8, 0, 0, 0, 0],
      [0x0F, 0x1F, 0x44, 0x00],
    ] {
      #expect(!rules.mayBecomeCall(bytes), "\(bytes)")
    }
  }
}

struct BranchScanTests {
  private func scan(_ bytes: [UInt8], _ places: ClosedRange<UInt64>) -> [UInt64] {
    bytes.withUnsafeBytes { BranchScan(to: places).branches(in: $0, start: 0x1000) }
  }

  @Test func everyFormOfDirectJumpIsFound() {
    // jmp, call, jne, short jmp, short jne, loop: all to 0x1010.
    for (bytes, at): ([UInt8], UInt64) in [
      ([0xE9, 0x0B, 0, 0, 0], 0x1000), ([0x90, 0xE8, 0x0A, 0, 0, 0], 0x1001), ([0x0F, 0x85, 0x0A, 0, 0, 0], 0x1000),
      ([0xEB, 0x0E], 0x1000), ([0x75, 0x0E], 0x1000), ([0xE2, 0x0E], 0x1000),
    ] {
      #expect(scan(bytes, 0x1010...0x1010) == [at], "\(bytes)")
      #expect(scan(bytes, 0x1011...0x1020) == [])
      #expect(scan(Array(bytes.dropLast()), 0x1010...0x1010) == [])
    }
    // Backwards, from behind.
    #expect(scan([0x90, 0xEB, 0xFD], 0x1000...0x1000) == [0x1001])
  }
}
