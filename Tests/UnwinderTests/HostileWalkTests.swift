import TestSupport
import Testing

@testable import Unwinder

/// Stacks and information that lead nowhere, or in circles: each walk ends, and says why.
struct HostileWalkTests {
  private static let base = SyntheticProcess.base
  private static let stack = SyntheticProcess.stack
  private typealias X = X86_64

  private func walk(
    _ program: SyntheticProgram, at address: UInt64, _ words: [UInt64], _ registers: [Int: UInt64] = [:],
    limit: Int = 1024
  ) -> SyntheticProcess.Walk {
    let all = [X.rip: Self.base + address, X.rsp: Self.stack].merging(registers) { $1 }
    return SyntheticProcess(program).walk(X.self, all, words, limit: limit)
  }

  @Test func aStackThatIsLongerThanItsCopyIsTruncated() {
    let program = WalkTests.program { $0.describe(0x300..<0x310, CFA.defineOffset(32)) }
    for count in 0...7 {
      let words = [0, 0, 0, Self.base + 0x220] + WalkTests.outer
      let found = walk(program, at: 0x305, Array(words.prefix(count)))
      #expect(found.end == (count < 7 ? .truncated : .complete))
      #expect(found.frames.count == (count < 4 ? 1 : count < 7 ? 2 : 3))
    }
  }

  @Test func aRegisterThatIsNotKnownEndsTheWalk() {
    let program = WalkTests.program {
      $0.describe(0x300..<0x310, CFA.define(6, 16))
      $0.describe(0x380..<0x390, CFA.define(0, 16))
      $0.describe(0x400..<0x410, CFA.defineOffset(16))
    }
    #expect(walk(program, at: 0x305, WalkTests.outer).end == .missingRegister)
    // rax is not preserved by calls: a caller cannot count from it.
    let found = walk(program, at: 0x405, [0, Self.base + 0x385] + WalkTests.outer, [X.rax: Self.stack + 32])
    #expect(found.addresses == [0x405, 0x385] && found.end == .missingRegister)
    #expect(SyntheticProcess(program).walk(X.self, [X.rip: Self.base], []).end == .missingRegister)
    #expect(SyntheticProcess(program).walk(X.self, [X.rsp: Self.stack], []).end == .missingRegister)
  }

  @Test func aReturnAddressThatIsNoCodeIsCorrupt() {
    let program = WalkTests.program { $0.describe(0x300..<0x310) }
    let found = walk(program, at: 0x305, [0x1234] + WalkTests.outer)
    #expect(found.addresses == [0x305] && found.end == .corrupt)
    #expect(walk(program, at: 0x305, [.max]).end == .corrupt)
    #expect(walk(program, at: 0x305, [1]).end == .corrupt)
    #expect(walk(program, at: 0x305, [0]).end == .complete)
  }

  @Test func aGuessThatLeadsToNoCodeSaysThatThereIsNoInformation() {
    for pointer in [0, Self.stack - 16, Self.stack + 8, .max, .max - 15] as [UInt64] {
      let found = walk(WalkTests.program(), at: 0x600, [1, 2, 3, 4, 5], [X.rbp: pointer])
      #expect(found.frames.count == 1 && found.end == .noInformation || found.end == .truncated)
    }
  }

  @Test func framePointersThatGoRoundInACircleEnd() {
    // Each leads to the other one, and to itself.
    let words = [Self.stack + 16, Self.base + 0x610, Self.stack, Self.base + 0x620]
    let found = walk(WalkTests.program(), at: 0x600, words, [X.rbp: Self.stack])
    #expect(found.frames.count <= 3 && found.end == .noInformation)
    let own = walk(WalkTests.program(), at: 0x600, [Self.stack, Self.base + 0x610], [X.rbp: Self.stack])
    #expect(own.frames.count == 2 && own.end == .noInformation)
  }

  static let circles: [(String, [UInt8])] = [
    ("CFA below the stack pointer", CFA.define(6, 0)),
    ("CFA beyond the address space", [0x0C, 7] + [UInt8](repeating: 0xFF, count: 9) + [0x01]),
    ("CFA that is the stack pointer", CFA.defineOffset(0)),
    ("CFA that an expression takes back", CFA.defineExpression([0x77, 0])),
    ("stack pointer that is taken back", CFA.valueExpression(7, [0x77, 0x78])),
    ("endless expression", CFA.defineExpression([0x2F, 0xFD, 0xFF])),
    ("return address from an endless expression", CFA.valueExpression(16, [0x2F, 0xFD, 0xFF])),
    ("return address that is its own", [0x08, 16]),
    ("no CFA", CFA.defineExpression([])),
  ]

  @Test("A walk that does not go upwards is corrupt", arguments: circles)
  func circle(name: String, instructions: [UInt8]) {
    var program = SyntheticProgram()
    program.describe(0x300..<0x310)
    program.describe(0x380..<0x400, instructions)
    // main's return address leads into main again, for ever.
    let words = [UInt64](repeating: Self.base + 0x390, count: 64)
    let found = walk(program, at: 0x305, words, [X.rbp: Self.stack - 64])
    #expect(found.end == .corrupt && found.frames.count == 2, "\(name): \(found.end) after \(found.frames.count)")
  }

  @Test func signalFramesThatLeadToThemselvesEnd() {
    var program = SyntheticProgram()
    program.describe(0x400..<0x440)
    program.code[0x500] = [0x48, 0xC7, 0xC0, 0x0F, 0, 0, 0, 0x0F, 0x05]
    var context = [UInt64](repeating: 0, count: 40)
    context[5 + 15] = Self.stack
    context[5 + 16] = Self.base + 0x410
    let found = walk(program, at: 0x410, [Self.base + 0x500] + context, limit: 4096)
    #expect(found.end == .corrupt && found.frames.count < 32)
  }

  @Test func noMoreFramesThanAskedFor() {
    var program = SyntheticProgram()
    program.describe(0x300..<0x310)
    let words = [UInt64](repeating: Self.base + 0x305, count: 10_000)
    for limit in [0, 1, 7, 4096] {
      let found = walk(program, at: 0x305, words, limit: limit)
      #expect(found.frames.count == limit && found.end == .depthLimit)
    }
    #expect(walk(program, at: 0x305, words, limit: -1).end == .depthLimit)
  }

  @Test func malformedInformationIsCountedAndTheFramePointerFollowed() {
    let program = WalkTests.program { $0.describe(0x300..<0x310, [0x3F]) }
    let words = [0, Self.base + 0x220] + WalkTests.outer
    let found = walk(program, at: 0x305, words, [X.rbp: Self.stack])
    #expect(found.addresses == [0x305, 0x220, 0x110] && found.guessed == [false, true, false])
    #expect(found.counters.malformed == 1)
  }

  @Test("A stack through programs that each cost the most takes bounded time", .timeLimit(.minutes(1)))
  func expensivePrograms() {
    var program = SyntheticProgram()
    // As many instructions as the image has room for, each of which copies a remembered row.
    let costly = [[UInt8]](repeating: CFA.remember + CFA.offset(3, 2) + CFA.restoreState, count: 1000).joined()
    program.describe(0x300..<0x700, Array(costly))
    let words = (0..<4096).map { Self.base + 0x301 + UInt64($0 % 1000) }
    let found = walk(program, at: 0x305, words, limit: 4096)
    #expect(found.counters.malformed > 0 && found.frames.count < 200)
  }

  @Test("A stack whose every frame needs the longest expressions takes bounded time", .timeLimit(.minutes(1)))
  func expensiveExpressions() {
    // breg7 8, const1u 248, then as often: lit1, minus, dup, bra back; drop. Nearly as many operations as there may be.
    let count: [UInt8] = [0x77, 8, 0x08, 248, 0x31, 0x1C, 0x12, 0x28, 0xFA, 0xFF, 0x13]
    var program = SyntheticProgram()
    let saved = [3, 6, 12, 13, 14, 15, 16].flatMap { CFA.valueExpression($0, count + [0x13, 0x77, 0, 0x06]) }
    program.describe(0x300..<0x400, CFA.defineExpression(count) + saved)
    let words = [UInt64](repeating: Self.base + 0x310, count: 4096)
    let found = walk(program, at: 0x305, words, limit: 4096)
    #expect(found.end == .corrupt && found.counters.failedExpressions == 1)
    #expect(found.frames.count < FrameBudget.operationsPerStack / 5000)
  }

  @Test("Any stack ends, with any registers")
  func randomStacks() {
    var program = WalkTests.program()
    program.code[0x500] = [0x48, 0xC7, 0xC0, 0x0F, 0, 0, 0, 0x0F, 0x05]
    program.describe(0x300..<0x400, CFA.define(6, 16) + CFA.offset(6, 2) + CFA.offset(3, 3))
    program.describe(0x400..<0x480, CFA.defineExpression([0x76, 0x78, 0x06]) + CFA.expression(6, [0x76, 0]))
    let process = SyntheticProcess(program)
    var core = UnwindCore<X>(source: process.source)
    var random = SystemRandomNumberGenerator()
    var frames = 0
    for _ in 0..<2000 {
      func word() -> UInt64 {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: Self.base + UInt64.random(in: 0x100..<0x600, using: &random)
        case 1, 2: Self.stack &+ UInt64(bitPattern: Int64.random(in: -64..<1024, using: &random))
        default: UInt64.random(in: 0 ... .max, using: &random)
        }
      }
      let words = (0..<64).map { _ in word() }
      var registers = [X.rip: Self.base + UInt64.random(in: 0x100..<0x600, using: &random), X.rsp: Self.stack]
      for number in 0..<16 where number != X.rsp { registers[number] = word() }
      let found = process.walk(&core, registers, words)
      frames += found.frames.count
      #expect(found.end != .depthLimit && found.frames.count <= 64 * 9)
    }
    #expect(frames > 2000)
  }
}
