import TestSupport
import Testing
import TraceModel

@testable import Unwinder

/// A 0 that a guess finds is no end of a stack: only call frame information, or code that proves it, tells of one.
struct GuessedEndTests {
  private typealias X = X86_64
  private static let base = SyntheticProcess.base
  private static let stack = SyntheticProcess.stack

  private func walk(
    _ program: SyntheticProgram, at address: UInt64, _ words: [UInt64], _ registers: [Int: UInt64] = [:]
  ) -> SyntheticProcess.Walk {
    let all = [X.rip: Self.base + address, X.rsp: Self.stack, X.rbp: 0].merging(registers) { $1 }
    return SyntheticProcess(program).walk(X.self, all, words)
  }

  /// What nothing describes, with the bytes of some code: the word that the guess takes for the return address is 0.
  static let ends: [(name: String, place: Int, before: [UInt8], here: [UInt8], words: [UInt64])] = [
    ("syscall; ret", 0x600, [0x0F, 0x05], [0xC3], [0]),
    ("ret", 0x600, [], [0xC3], [0]),
    ("endbr64", 0x600, [], [0xF3, 0x0F, 0x1E, 0xFA], [0]),
    ("push %rbp; mov %rsp,%rbp", 0x600, [], [0x55, 0x48, 0x89, 0xE5], [0]),
    ("pop %rbp; ret", 0x600, [], [0x5D, 0xC3], [0, 0]),
    ("jmp *N(%rip)", 0x600, [], [0xFF, 0x25, 1, 2, 3, 4], [0]),
    ("by the frame pointer", 0x600, [], [0x90], [0, 0, 0]),
  ]

  @Test("A word that is 0", arguments: ends)
  func aZeroThatAGuessFinds(name: String, place: Int, before: [UInt8], here: [UInt8], words: [UInt64]) {
    var program = WalkTests.program()
    program.code[place - before.count] = before + here
    let found = walk(program, at: UInt64(place), words, [X.rbp: Self.stack + 8])
    #expect(found.frames.count == 1 && found.end == .noInformation, "\(name)")
  }

  /// `inner < middle < main`, the first two with frame pointers alone, `inner` with a 0 among its locals.
  @Test func theLocalsBehindASyscallAreNoReturnAddress() {
    var program = WalkTests.program()
    program.code[0x5FE] = [0x0F, 0x05, 0x48, 0x89, 0x45, 0xF8, 0x5B, 0x5D, 0xC3]
    let words = [0, 7, Self.stack + 40, Self.base + 0x710, 0, 0, Self.base + 0x220] + WalkTests.outer
    let found = walk(program, at: 0x600, words, [X.rbp: Self.stack + 16])
    #expect(found.addresses == [0x600, 0x710, 0x220, 0x110] && found.end == .complete)
    #expect(found.guessed == [false, true, true, false])
  }

  @Test func behindAGuessAZeroIsNoEndForDescribedCodeEither() {
    // main is described, but where its frame is was guessed: the 0 need not be its return address.
    let program = WalkTests.program()
    let words = [0, Self.base + 0x220, 0, 0, 0]
    let found = walk(program, at: 0x600, words, [X.rbp: Self.stack])
    #expect(found.addresses == [0x600, 0x220] && found.end == .noInformation)
    // Without a guess it is.
    #expect(walk(program, at: 0x220, [0, 0, 0]).end == .complete)
  }

  @Test func cloneHasACallerInTheParentAndNoneInTheChild() {
    var program = WalkTests.program()
    program.code[0x5FE] = [0x0F, 0x05, 0x48, 0x85, 0xC0, 0x7C, 0x18, 0x74, 0x01, 0xC3, 0x31, 0xED]
    let words = [Self.base + 0x220] + WalkTests.outer
    let parent = walk(program, at: 0x600, words, [X.rax: 1234])
    #expect(parent.addresses == [0x600, 0x220, 0x110] && parent.end == .complete)
    let child = walk(program, at: 0x600, words, [X.rax: 0])
    #expect(child.addresses == [0x600] && child.end == .complete)
  }

  @Test func aThreadsFirstCallHasNoCallerWhereTheFramePointerIsStillClear() {
    var program = WalkTests.program { $0.describe(0x300..<0x310) }
    program.code[0x600] = [0x31, 0xED, 0x5F, 0x41, 0xFF, 0xD1, 0x89, 0xC7, 0x31, 0xC0, 0xB0, 0x3C, 0x0F, 0x05]
    let found = walk(program, at: 0x305, [Self.base + 0x606], [X.rbp: 0])
    #expect(found.addresses == [0x305, 0x606] && found.end == .complete)
    let other = walk(program, at: 0x305, [Self.base + 0x606, 0, 0], [X.rbp: Self.stack + 8])
    #expect(other.addresses == [0x305, 0x606] && other.end == .noInformation)
  }
}
