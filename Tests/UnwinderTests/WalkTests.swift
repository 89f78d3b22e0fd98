import TestSupport
import Testing
import TraceModel

@testable import Unwinder

/// Walks on x86-64 over programs and stacks that are made up, so that every frame is known.
///
/// The program: `_start` at 0x100 (no caller), `main` at 0x200 (16 bytes of frame), `work` at 0x300.
struct WalkTests {
  static let base = SyntheticProcess.base
  static let stack = SyntheticProcess.stack
  private typealias X = X86_64

  static func program(_ change: (inout SyntheticProgram) -> Void = { _ in }) -> SyntheticProgram {
    var program = SyntheticProgram()
    program.describe(0x100..<0x140, CFA.undefined(16))
    program.describe(0x200..<0x280, CFA.defineOffset(24))
    change(&program)
    return program
  }

  /// The words of main's frame, and of _start's: a local, the return address to _start.
  static let outer: [UInt64] = [0, 0, base + 0x110]

  private func walk(
    _ program: SyntheticProgram, at address: UInt64, _ words: [UInt64], _ registers: [Int: UInt64] = [:]
  ) -> SyntheticProcess.Walk {
    let all = [X.rip: Self.base + address, X.rsp: Self.stack, X.rbp: 0].merging(registers) { $1 }
    return SyntheticProcess(program).walk(X.self, all, words)
  }

  @Test func aLeafLeadsToItsCallers() {
    let program = Self.program { $0.describe(0x300..<0x310) }
    let found = walk(program, at: 0x305, [Self.base + 0x220] + Self.outer)
    #expect(found.addresses == [0x305, 0x220, 0x110] && found.end == .complete)
    #expect(found.guessed == [false, false, false])
    #expect(found.frames.map(\.code.isReturnAddress) == [false, true, true])
    #expect(found.frames.map(\.offset) == [0x305, 0x21F, 0x10F])
  }

  @Test func aCallThatIsTheLastInstructionBelongsToItsFunction() {
    // The return address 0x280 is behind main's last byte; 0x300 is the next function's first.
    let program = Self.program {
      $0.describe(0x280..<0x300, CFA.defineOffset(80))
      $0.describe(0x300..<0x310)
    }
    let found = walk(program, at: 0x305, [Self.base + 0x280] + Self.outer)
    #expect(found.addresses == [0x305, 0x280, 0x110] && found.end == .complete)
  }

  @Test func atTheFirstInstructionOfAFunctionOnlyTheCallHasBeen() {
    let program = Self.program { $0.describe(0x300..<0x310, CFA.advance(1) + CFA.defineOffset(16)) }
    #expect(walk(program, at: 0x300, [Self.base + 0x220] + Self.outer).addresses == [0x300, 0x220, 0x110])
    #expect(walk(program, at: 0x301, [7, Self.base + 0x220] + Self.outer).addresses == [0x301, 0x220, 0x110])
  }

  @Test func savedRegistersComeBackThroughSeveralFrames() {
    // work saves rbp and rbx; main's CFA counts from rbx, and its caller's from rbp.
    var program = SyntheticProgram()
    program.describe(0x100..<0x140, CFA.undefined(16))
    program.describe(0x180..<0x1C0, CFA.define(6, 16))
    program.describe(0x200..<0x280, CFA.define(3, 16))
    program.describe(0x300..<0x310, CFA.defineOffset(24) + CFA.offset(6, 2) + CFA.offset(3, 3))
    let words: [UInt64] = [
      Self.stack + 32, Self.stack + 56, Self.base + 0x220, 0, 0, Self.base + 0x1A0, 0, 0, Self.base + 0x110,
    ]
    let found = walk(program, at: 0x305, words)
    #expect(found.addresses == [0x305, 0x220, 0x1A0, 0x110] && found.end == .complete)
  }

  @Test func alloca() {
    // A frame of unknown size: the CFA counts from rbp, far above the stack pointer.
    let program = Self.program { $0.describe(0x300..<0x310, CFA.define(6, 16) + CFA.offset(6, 2)) }
    let padding = [UInt64](repeating: 0xDEAD, count: 100)
    let found = walk(program, at: 0x305, padding + [0, Self.base + 0x220] + Self.outer, [X.rbp: Self.stack + 800])
    #expect(found.addresses == [0x305, 0x220, 0x110] && found.end == .complete)
  }

  @Test func aRealignedFrameGoesByAnExpression() {
    // As GCC writes it: CFA = *(rbp - 8), the caller's rbp = *(rbp).
    let program = Self.program {
      $0.describe(0x300..<0x310, CFA.defineExpression([0x76, 0x78, 0x06]) + CFA.expression(6, [0x76, 0]))
    }
    // Words 1 and 2 are *(rbp - 8), *(rbp); the CFA is word 6, the return address word 5.
    let words = [0, Self.stack + 48, 0, 0, 0, Self.base + 0x220] + Self.outer
    let found = walk(program, at: 0x305, words, [X.rbp: Self.stack + 16])
    #expect(found.addresses == [0x305, 0x220, 0x110] && found.end == .complete)
    #expect(found.counters.rows == 1 && found.guessed == [false, false, false])
  }

  @Test("A linkage table's stub pushes one word before its last instruction", arguments: [0x300, 0x306, 0x30B, 0x31B])
  func linkageTable(address: UInt64) {
    // breg7 8, breg16 0, lit15, and, lit11, ge, lit3, shl, plus
    let program = Self.program {
      $0.describe(
        0x300..<0x320, CFA.defineExpression([0x77, 8, 0x80, 0, 0x3F, 0x1A, 0x3B, 0x2A, 0x33, 0x24, 0x22]))
    }
    let pushed: [UInt64] = address & 15 >= 11 ? [3] : []
    let found = walk(program, at: address, pushed + [Self.base + 0x220] + Self.outer)
    #expect(found.addresses == [address, 0x220, 0x110] && found.end == .complete && found.counters.rows == 0)
  }

  @Test func aRegisterThatWasPoppedInTheEpilogueIsTheCallersAgain() {
    // LLVM: behind `pop %rbp` it says that the CFA is rsp + 8, but still that rbp is at CFA - 16.
    let program = Self.program {
      $0.describe(0x200..<0x280, CFA.define(6, 16) + CFA.offset(6, 2))
      $0.describe(0x300..<0x310, CFA.offset(6, 2))
    }
    let words = [Self.base + 0x1050, 0, 0, Self.base + 0x110]
    var others = program
    others.describe(0x1040..<0x1080, CFA.define(6, 16))
    let found = walk(others, at: 0x305, words, [X.rbp: Self.stack + 16])
    #expect(found.addresses == [0x305, 0x1050, 0x110] && found.end == .complete)
  }

  @Test func theKernelsSignalFrameGivesAllRegistersBack() {
    // libc's description: CFA, rbp and the return address by expressions on the saved context, its rsp 160 bytes in.
    func saved(_ register: UInt8, _ offset: Int) -> [UInt8] {
      CFA.expression(register, [0x77, UInt8(offset & 0x7F) | 0x80, UInt8(offset >> 7)])
    }
    let described = Self.program {
      $0.describe(0x300..<0x310)
      $0.describe(0x400..<0x440)
      let offset = (low: UInt8(160 & 0x7F | 0x80), high: UInt8(160 >> 7))
      $0.describe(
        0x4FF..<0x509,
        CFA.defineExpression([0x77, offset.low, offset.high, 0x06]) + saved(7, 160) + saved(6, 120) + saved(16, 168),
        isSignalFrame: true)
    }
    // musl says nothing of it: mov $15, %rax; syscall.
    var bare = Self.program {
      $0.describe(0x300..<0x310)
      $0.describe(0x400..<0x440)
    }
    bare.code[0x500] = [0x48, 0xC7, 0xC0, 0x0F, 0, 0, 0, 0x0F, 0x05]
    var context = [UInt64](repeating: 0, count: 40)
    // The handler was called from 0x300's first instruction, by the kernel: 8 words of `gregset` from byte 40 on.
    context[5 + 10] = 0x1234
    context[5 + 15] = Self.stack + 8 * 50
    context[5 + 16] = Self.base + 0x300
    let words = [Self.base + 0x500] + context + [UInt64](repeating: 0, count: 9) + [Self.base + 0x220] + Self.outer
    for (program, isGuessed) in [(described, false), (bare, true)] {
      let found = walk(program, at: 0x410, words)
      // Interrupted at its first byte: looked up as it is, not one before.
      #expect(found.addresses == [0x410, 0x500, 0x300, 0x220, 0x110] && found.end == .complete)
      #expect(found.frames[2].code == .instruction(Self.base + 0x300))
      #expect(found.guessed[2] == isGuessed)
    }
  }

  @Test func aSignalHandlersOwnStackEndsWhereTheCopyDoes() {
    var program = Self.program { $0.describe(0x400..<0x440) }
    program.describe(0x200..<0x280, CFA.define(6, 16))
    program.code[0x500] = [0x48, 0xC7, 0xC0, 0x0F, 0, 0, 0, 0x0F, 0x05]
    for interrupted in [0x1000_0000, Self.stack + 0x10_0000] {
      var context = [UInt64](repeating: 0, count: 40)
      context[5 + 15] = interrupted
      context[5 + 16] = Self.base + 0x420
      let found = walk(program, at: 0x410, [Self.base + 0x500] + context)
      #expect(found.addresses == [0x410, 0x500, 0x420] && found.end == .truncated)
    }
  }

  @Test func aCallThroughANullPointerLeadsToTheCaller() {
    let found = SyntheticProcess(Self.program()).walk(
      X.self, [X.rip: 0, X.rsp: Self.stack], [Self.base + 0x220] + Self.outer)
    #expect(found.frames.map(\.code.address) == [0, Self.base + 0x220, Self.base + 0x110] && found.end == .complete)
    #expect(found.guessed == [false, true, false])
  }

  @Test func codeOfARunTimeCompilerIsWalkedByFramePointersAndSaysSo() {
    var process = SyntheticProcess(Self.program())
    process.space.add(Mapping(start: 0x5000_0000, end: 0x5001_0000, fileOffset: 0, module: .anonymous))
    let words = [0, Self.stack + 24, 0x5000_0200, 0, Self.base + 0x220] + Self.outer
    // Two frames of it; the second one's rbp is 0 in the word below the return address to main.
    let found = process.walk(X.self, [X.rip: 0x5000_0100, X.rsp: Self.stack, X.rbp: Self.stack + 8], words)
    #expect(found.frames.map(\.code.address) == [0x5000_0100, 0x5000_0200] + [0x220, 0x110].map { Self.base + $0 })
    #expect(found.guessed == [false, true, true, false] && found.end == .complete)
    #expect(found.frames[0].module.isAnonymous && found.frames[0].offset == 0x5000_0100)
  }

  @Test func withoutInformationTheFramePointerIsFollowed() {
    // Neither 0x600 nor 0x700 is described.
    let words = [0, Self.stack + 32, Self.base + 0x710, 0, 0, Self.base + 0x220] + Self.outer
    let found = walk(Self.program(), at: 0x600, words, [X.rbp: Self.stack + 8])
    #expect(found.addresses == [0x600, 0x710, 0x220, 0x110] && found.guessed == [false, true, true, false])
    #expect(found.counters.guesses == 2 && found.end == .complete)
  }

  @Test func aProgramThatWasReplacedAtItsAddressIsAnother() {
    var first = SyntheticProgram()
    first.describe(0x300..<0x310, CFA.defineOffset(16))
    var second = SyntheticProgram()
    second.describe(0x300..<0x310)
    var process = SyntheticProcess(Self.program())
    let end = Self.base + 0x10_0000
    let range = (start: end, end: end + UInt64(SyntheticProgram.size))
    let modules = [first, second].map { process.source.add($0) }
    var core = UnwindCore<X>(source: process.source)
    let registers = [X.rip: end + 0x305, X.rsp: Self.stack]
    let words = [[0, Self.base + 0x220] + Self.outer, [Self.base + 0x220] + Self.outer]
    // dlopen, dlclose and dlopen of another, over and over: neither rules nor mappings are taken for the other's.
    for round in 0..<6 {
      let which = round % 2
      process.space.add(Mapping(start: range.start, end: range.end, fileOffset: 0, module: modules[which]))
      let found = process.walk(&core, registers, words[which])
      #expect(found.addresses == [0x10_0305, 0x220, 0x110] && found.end == .complete)
      #expect(found.frames[0].module == modules[which])
      if round == 3 {
        process.space.remove(range.start..<range.end)
        let gone = process.walk(&core, registers, words[which])
        #expect(gone.frames[0].module.isAnonymous)
      }
    }
    // exec: nothing of the old program is left.
    process.space.removeAll()
    let after = process.walk(&core, registers, words[1])
    #expect(after.frames.count == 1 && after.end == .noInformation)
  }

  @Test func theSecondWalkOverTheSameCodeReadsNothing() {
    let process = SyntheticProcess(Self.program { $0.describe(0x300..<0x310) })
    var core = UnwindCore<X>(source: process.source)
    let registers = [X.rip: Self.base + 0x305, X.rsp: Self.stack]
    for _ in 0..<3 { _ = process.walk(&core, registers, [Self.base + 0x220] + Self.outer) }
    #expect(core.allCounters.cache.misses == 3 && core.allCounters.cache.hits == 6)
  }
}
