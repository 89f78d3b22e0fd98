import TestSupport
import Testing

@testable import Unwinder

/// Walks on arm64 over programs and stacks that are made up; `WalkTests`' program, with a link register.
struct ARM64WalkTests {
  private static let base = SyntheticProcess.base
  private static let stack = SyntheticProcess.stack
  private typealias A = ARM64
  /// As a pointer authentication code fills the upper bits.
  private static let signature: UInt64 = 0x00AB_0000_0000_0000

  /// Initially the CFA is sp, and the return address in x30. `_start` at 0x100, `main` at 0x200 with a frame record.
  private func program(_ change: (inout SyntheticProgram) -> Void = { _ in }) -> SyntheticProgram {
    var program = SyntheticProgram()
    program.initial = CFA.define(31, 0)
    program.returnColumn = 30
    program.describe(0x100..<0x140, CFA.undefined(30))
    // stp x29, x30, [sp, #-16]!; mov x29, sp
    program.describe(0x200..<0x280, CFA.defineOffset(16) + CFA.offset(29, 2) + CFA.offset(30, 1))
    change(&program)
    return program
  }

  private static let outer: [UInt64] = [0, base + 0x110]

  private func walk(
    _ program: SyntheticProgram, at address: UInt64, _ words: [UInt64], _ registers: [Int: UInt64] = [:]
  ) -> SyntheticProcess.Walk {
    let all = [A.pc: Self.base + address, A.sp: Self.stack, A.x29: 0].merging(registers) { $1 }
    return SyntheticProcess(program).walk(A.self, all, words)
  }

  @Test func aLeafsReturnAddressIsInTheLinkRegister() {
    let program = program { $0.describe(0x300..<0x310) }
    let found = walk(program, at: 0x304, Self.outer, [A.x30: Self.base + 0x220])
    #expect(found.addresses == [0x304, 0x220, 0x110] && found.end == .complete && found.counters.guesses == 0)
  }

  @Test func onlyAnInterruptedFrameHasItInTheLinkRegister() {
    // The second frame called, and so overwrote x30: what its description says cannot be meant.
    let program = program {
      $0.describe(0x300..<0x310, CFA.defineOffset(16) + CFA.offset(29, 2) + CFA.offset(30, 1))
      $0.describe(0x380..<0x390, CFA.defineOffset(16))
    }
    let found = walk(program, at: 0x304, [0, Self.base + 0x384] + Self.outer, [A.x30: Self.base + 0x220])
    #expect(found.addresses == [0x304, 0x384] && found.end == .corrupt)
  }

  @Test func signedReturnAddressesAreStripped() {
    // paciasp, with DW_CFA_AARCH64_negate_ra_state behind it and in the epilogue.
    let program = program {
      $0.describe(
        0x300..<0x340,
        CFA.advance(4) + [0x2D] + CFA.advance(4) + CFA.defineOffset(32) + CFA.offset(29, 4) + CFA.offset(30, 3))
    }
    let signed = Self.base + 0x220 | Self.signature
    let inPrologue = walk(program, at: 0x304, Self.outer, [A.x30: signed])
    #expect(inPrologue.addresses == [0x304, 0x220, 0x110] && inPrologue.end == .complete)
    let inBody = walk(program, at: 0x320, [0, signed, 0, 0] + [0, Self.base + 0x110 | Self.signature])
    #expect(inBody.addresses == [0x320, 0x220, 0x110] && inBody.end == .complete)
  }

  @Test func allTwelveSavedRegistersComeBack() {
    // work saves x19 to x30; main's CFA counts from x28, _start's callee's from x19.
    var program = SyntheticProgram()
    program.initial = CFA.define(31, 0)
    program.returnColumn = 30
    program.describe(0x100..<0x140, CFA.undefined(30))
    program.describe(0x180..<0x1C0, CFA.define(19, 16) + CFA.offset(30, 1))
    program.describe(0x200..<0x280, CFA.define(28, 16) + CFA.offset(30, 1))
    let saved = (19...30).flatMap { CFA.offset(UInt8($0), UInt8(31 - $0)) }
    program.describe(0x300..<0x310, CFA.defineOffset(96) + saved)
    var words = [UInt64](repeating: 0, count: 12)
    // x30 is the uppermost word, x19 the lowest but none: CFA - 8 * (31 - N).
    words[12 - 1] = Self.base + 0x220
    words[12 - 3] = Self.stack + 96
    words[12 - 12] = Self.stack + 96 + 16
    words += [0, Self.base + 0x1A0, 0, Self.base + 0x110]
    let found = walk(program, at: 0x304, words)
    #expect(found.addresses == [0x304, 0x220, 0x1A0, 0x110] && found.end == .complete)
  }

  @Test func withoutInformationTheFrameRecordIsFollowed() {
    let words = [Self.stack + 32, Self.base + 0x710, 0, 0, 0, Self.base + 0x220 | Self.signature] + Self.outer
    let found = walk(program(), at: 0x600, words, [A.x29: Self.stack])
    #expect(found.addresses == [0x600, 0x710, 0x220, 0x110] && found.guessed == [false, true, true, false])
  }

  @Test func atAFunctionsFirstInstructionTheLinkRegisterIsGuessed() {
    var program = program()
    // paciasp
    program.code[0x600] = [0x3F, 0x23, 0x03, 0xD5]
    let found = walk(program, at: 0x600, Self.outer, [A.x30: Self.base + 0x220, A.x29: Self.stack + 64])
    #expect(found.addresses == [0x600, 0x220, 0x110] && found.guessed == [false, true, false])
  }

  @Test(
    "Signal frames, with the description that vdsos had before Linux 5.8 and without one", arguments: [true, false])
  func signalFrame(isDescribed: Bool) {
    var program = program {
      $0.describe(0x300..<0x340)
      $0.describe(0x400..<0x440, CFA.defineOffset(16) + CFA.offset(29, 2) + CFA.offset(30, 1))
    }
    // mov x8, #139; svc #0, behind a nop
    program.code[0x4FC] = [0x1F, 0x20, 0x03, 0xD5, 0x68, 0x11, 0x80, 0xD2, 0x01, 0, 0, 0xD4]
    if isDescribed {
      // It leads to the interrupted link register, not to the interrupted instruction.
      program.describe(
        0x4FC..<0x508, CFA.define(29, 0) + [0x05, 29, 0, 0x11, 30, 0x7F], isSignalFrame: true)
    }
    // The handler's own frame of two words, then siginfo and ucontext up to the registers at 312.
    var frame = [UInt64](repeating: 0, count: 80)
    let registers = 312 / 8
    frame[registers + 29] = 0
    frame[registers + 30] = Self.base + 0x220
    frame[registers + 31] = Self.stack + 16 + 80 * 8
    frame[registers + 32] = Self.base + 0x310
    let words = [Self.stack + 16, Self.base + 0x500] + frame + Self.outer
    let found = walk(program, at: 0x410, words)
    #expect(found.addresses == [0x410, 0x500, 0x310, 0x220, 0x110] && found.end == .complete)
    #expect(found.frames.count > 2 && found.frames[2].code == .instruction(Self.base + 0x310))
  }

  @Test func aCallThroughANullPointerLeadsToTheLinkRegister() {
    let found = SyntheticProcess(program()).walk(
      A.self, [A.pc: 0, A.sp: Self.stack, A.x30: Self.base + 0x220], Self.outer)
    #expect(found.frames.map(\.code.address) == [0, Self.base + 0x220, Self.base + 0x110] && found.end == .complete)
  }
}
