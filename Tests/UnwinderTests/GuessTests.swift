import Testing

@testable import Unwinder

/// What the instructions say where no call frame information does.
struct GuessTests {
  private static func below(_ bytes: Int32, saved: UInt8 = 0) -> UnwindRule {
    var rule = UnwindRule(.guess, register: X86_64.rsp, offset: bytes, returnSlot: 1)
    if saved > 0 { rule.set(slot: 1, words: saved) }
    return rule
  }

  private static let frame: UnwindRule = {
    var rule = UnwindRule(.guess, register: X86_64.rbp, offset: 16, returnSlot: 1)
    rule.set(slot: 1, words: 2)
    return rule
  }()

  static let x86Code: [(name: String, before: [UInt8], here: [UInt8], rule: UnwindRule)] = [
    ("endbr64", [], [0xF3, 0x0F, 0x1E, 0xFA], below(8)),
    ("push %rbp; mov %rsp,%rbp", [], [0x55, 0x48, 0x89, 0xE5], below(8)),
    ("mov %rsp,%rbp behind the push", [0x55], [0x48, 0x89, 0xE5], below(16, saved: 2)),
    ("mov %rsp,%rbp in its other form", [0x55], [0x48, 0x8B, 0xEC], below(16, saved: 2)),
    ("ret", [], [0xC3], below(8)),
    ("repz ret", [], [0xF3, 0xC3], below(8)),
    ("pop %rbp; ret", [], [0x5D, 0xC3], below(16, saved: 2)),
    ("jmp *N(%rip)", [], [0xFF, 0x25, 1, 2, 3, 4], below(8)),
    ("bnd jmp *N(%rip)", [], [0xF2, 0xFF, 0x25, 1, 2, 3, 4], below(8)),
    ("push N(%rip) of PLT0", [], [0xFF, 0x35, 1, 2, 3, 4], below(16)),
    ("jmp *N(%rip) of PLT0", [0xFF, 0x35, 1, 2, 3, 4], [0xFF, 0x25], below(24)),
    ("push $N; jmp PLT0", [], [0x68, 1, 0, 0, 0, 0xE9], below(8)),
    ("jmp PLT0 behind the push", [0x68, 1, 0, 0, 0], [0xE9], below(16)),
    ("ret behind a syscall", [0x0F, 0x05], [0xC3], below(8)),
    ("a check and ret behind a syscall", [0x0F, 0x05], [0x48, 0x3D, 1, 0xF0, 0xFF, 0xFF, 0x73, 1, 0xC3], below(8)),
    ("a jump to ret behind a syscall", [0x0F, 0x05], [0x85, 0xC0, 0x75, 2, 0x31, 0xD2, 0xC3], below(8)),
    ("a syscall in a function's middle", [0x0F, 0x05], [0x48, 0x85, 0xC0, 0x7C, 9, 0x48, 0x83, 0xC4, 8, 0xC3], frame),
    ("a syscall before pop", [0x0F, 0x05], [0x5B, 0xC3], frame),
    ("a syscall at the end of what is known", [0x0F, 0x05], [], frame),
    (
      "glibc's clone", [0x0F, 0x05], [0x48, 0x85, 0xC0, 0x7C, 0x18, 0x74, 0x01, 0xC3, 0x31, 0xED],
      below(8).ending(atZero: X86_64.rax)
    ),
    (
      "glibc's clone with a far error", [0x0F, 0x05],
      [0x48, 0x85, 0xC0, 0x0F, 0x8C, 1, 2, 3, 4, 0x74, 0x01, 0xC3, 0x31, 0xED], below(8).ending(atZero: X86_64.rax)
    ),
    (
      "musl's clone", [0x0F, 0x05],
      [
        0x85, 0xC0, 0x75, 0x0F, 0x31, 0xED, 0x5F, 0x41, 0xFF, 0xD1, 0x89, 0xC7, 0x31, 0xC0, 0xB0, 0x3C, 0x0F, 0x05,
        0xF4,
        0xC3,
      ], below(8).ending(atZero: X86_64.rax)
    ),
    ("anything else", [0x90], [0x90, 0x90], frame),
    ("nothing", [], [], frame),
  ]

  @Test("x86-64", arguments: x86Code)
  func x86(name: String, before: [UInt8], here: [UInt8], rule: UnwindRule) {
    #expect(X86_64.guess(CodeWindow(before + here, here: before.count), isReturnAddress: false) == rule, "\(name)")
    // Behind a call the frame is set up, whatever comes next.
    #expect(X86_64.guess(CodeWindow(before + here, here: before.count), isReturnAddress: true) == Self.frame)
  }

  @Test func theFirstCallOfAThreadIsKnownByItsCode() {
    // xor %ebp,%ebp; pop %rdi; call *%r9; mov %eax,%edi; xor %eax,%eax; mov $60,%al; syscall, of musl's clone.
    let before: [UInt8] = [0x31, 0xED, 0x5F, 0x41, 0xFF, 0xD1]
    let behind: [UInt8] = [0x89, 0xC7, 0x31, 0xC0, 0xB0, 0x3C, 0x0F, 0x05]
    let start = CodeWindow(before + behind, here: before.count - 1)
    #expect(X86_64.guess(start, isReturnAddress: true) == Self.frame.ending(atZero: X86_64.rbp))
    // A loop may clear rbp, too; it goes on behind its call.
    let loop = CodeWindow(before + [0x90] + behind, here: before.count - 1)
    #expect(X86_64.guess(loop, isReturnAddress: true) == Self.frame)
  }

  @Test func theReturnFromASignalIsKnownByItsCode() {
    let x86: [UInt8] = [0x48, 0xC7, 0xC0, 0x0F, 0, 0, 0, 0x0F, 0x05]
    #expect(X86_64.guess(CodeWindow([0x90] + x86, here: 0), isReturnAddress: true).kind == .signalFrame)
    #expect(X86_64.guess(CodeWindow(x86, here: 0), isReturnAddress: false).kind == .signalFrame)
    #expect(X86_64.guess(CodeWindow(x86, here: 0), isReturnAddress: true).kind == .guess)
    let arm: [UInt8] = [0x68, 0x11, 0x80, 0xD2, 0x01, 0, 0, 0xD4]
    #expect(ARM64.guess(CodeWindow([0] + arm, here: 0), isReturnAddress: true).kind == .signalFrame)
    #expect(ARM64.guess(CodeWindow(arm, here: 0), isReturnAddress: false).kind == .signalFrame)
  }

  static let arm64Code: [(name: String, word: UInt32, isLeaf: Bool)] = [
    ("ret", 0xD65F_03C0, true), ("bti c", 0xD503_245F, true), ("paciasp", 0xD503_233F, true),
    ("adrp x16, N", 0xB000_0010, true), ("br x17", 0xD61F_0220, true),
    ("stp x29, x30, [sp, #-32]!", 0xA9BE_7BFD, true), ("stp x29, x30, [sp, #16]", 0xA901_7BFD, false),
    ("adrp x0, N", 0xB000_0000, false), ("nop", 0xD503_201F, false),
  ]

  @Test("arm64", arguments: arm64Code)
  func arm64(name: String, word: UInt32, isLeaf: Bool) {
    let bytes = withUnsafeBytes(of: word.littleEndian) { Array($0) }
    let rule = ARM64.guess(CodeWindow(bytes, here: 0), isReturnAddress: false)
    #expect(rule.kind == .guess && Int(rule.register) == (isLeaf ? ARM64.sp : ARM64.x29), "\(name)")
    #expect(rule.returnSlot == (isLeaf ? 0 : 1) && rule.offset == (isLeaf ? 0 : 16))
    #expect(rule.terminator == 0)
    let behindACall = ARM64.guess(CodeWindow(bytes, here: 0), isReturnAddress: true)
    #expect(Int(behindACall.register) == ARM64.x29)
  }

  static let arm64Syscalls: [(name: String, words: [UInt32], rule: UnwindRule)] = [
    ("ret", [0xD65F_03C0], leaf), ("cmn x0, #4095; b.cs; ret", [0xB13F_FC1F, 0x5400_0042, 0xD65F_03C0], leaf),
    (
      "glibc's clone", [0xF100_001F, 0x5400_0080, 0x5400_004B, 0xD65F_03C0, 0x1400_1234, 0xD280_001D],
      leaf.ending(atZero: 0)
    ),
    ("anything else", [0xF100_001F, 0xD503_201F, 0xD65F_03C0], frameOfARM64),
  ]

  private static let leaf = UnwindRule(.guess, register: ARM64.sp, offset: 0, returnSlot: 0)
  private static let frameOfARM64: UnwindRule = {
    var rule = UnwindRule(.guess, register: ARM64.x29, offset: 16, returnSlot: 1)
    rule.set(slot: 10, words: 2)
    return rule
  }()

  @Test("arm64 behind svc #0", arguments: arm64Syscalls)
  func arm64Syscall(name: String, words: [UInt32], rule: UnwindRule) {
    let bytes = ([0xD400_0001] + words).flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    #expect(ARM64.guess(CodeWindow(bytes, here: 4), isReturnAddress: false) == rule, "\(name)")
  }
}
