import TestSupport
import Testing
import TraceModel

@testable import Unwinder

/// Stacks with frames whose return address the kernel has replaced for a return probe.
struct ReturnProbeTests {
  private typealias X = X86_64
  private static let base = SyntheticProcess.base
  private static let stack = SyntheticProcess.stack
  /// Where the kernel puts its page for probes: as high as it can.
  private static let trampoline: UInt64 = 0x7FFF_FFFF_E000
  private static let leaf = WalkTests.program { $0.describe(0x300..<0x310) }

  private func process(_ program: SyntheticProgram) -> SyntheticProcess {
    var process = SyntheticProcess(program)
    process.space.add(Mapping(start: Self.trampoline, end: Self.trampoline + 0x1000, module: .probes))
    return process
  }

  /// A call of thread 7 that will return to `offset` of the program from the return address in word `word` of the stack.
  private func call(_ table: inout ReturnAddressTable, word: UInt64, to offset: UInt64, at time: UInt64) {
    table.note(
      tid: 7, place: UInt32(truncatingIfNeeded: Self.stack + 8 * word), returnAddress: Self.base + offset, at: time)
  }

  private func walk(
    _ process: SyntheticProcess, at address: UInt64, _ words: [UInt64], _ returns: PendingReturns?,
    _ registers: [Int: UInt64] = [:]
  ) -> SyntheticProcess.Walk {
    var core = UnwindCore<X>(source: process.source)
    let all = [X.rip: address, X.rsp: Self.stack, X.rbp: 0].merging(registers) { $1 }
    return process.walk(&core, all, words, returns: returns)
  }

  @Test func theStackGoesOnWhereTheFunctionWasCalledFrom() {
    var table = ReturnAddressTable()
    call(&table, word: 0, to: 0x220, at: 10)
    let words = [Self.trampoline] + WalkTests.outer
    let found = walk(process(Self.leaf), at: Self.base + 0x305, words, PendingReturns(table, tid: 7, at: 20))
    #expect(found.addresses == [0x305, 0x220, 0x110] && found.end == .complete)
    #expect(found.guessed == [false, false, false])
  }

  @Test func whereNothingIsKnownOfItTheEndSaysSo() {
    var table = ReturnAddressTable()
    call(&table, word: 0, to: 0x220, at: 10)
    let words = [Self.trampoline] + WalkTests.outer
    let process = process(Self.leaf)
    let others = [
      nil, PendingReturns(table, tid: 8, at: 20), PendingReturns(table, tid: 7, at: 9),
      PendingReturns(ReturnAddressTable(), tid: 7, at: 20),
    ]
    for returns in others {
      let found = walk(process, at: Self.base + 0x305, words, returns)
      #expect(found.addresses == [0x305] && found.end == .returnProbe)
    }
    // The return address of another frame.
    let deeper = walk(process, at: Self.base + 0x220, [0, 0, Self.trampoline], PendingReturns(table, tid: 7, at: 20))
    #expect(deeper.addresses == [0x220] && deeper.end == .returnProbe)
    // In the trampoline itself.
    let inside = walk(process, at: Self.trampoline + 8, words, PendingReturns(table, tid: 7, at: 20))
    #expect(inside.frames.count == 1 && inside.end == .returnProbe)
  }

  @Test func aRecursionHasSeveral() {
    // work at 0x300 has 16 bytes of frame, and calls itself from 0x308.
    let program = WalkTests.program { $0.describe(0x300..<0x310, CFA.defineOffset(24)) }
    var table = ReturnAddressTable()
    call(&table, word: 8, to: 0x220, at: 10)
    call(&table, word: 5, to: 0x308, at: 11)
    call(&table, word: 2, to: 0x308, at: 12)
    let words = [0, 0, Self.trampoline, 0, 0, Self.trampoline, 0, 0, Self.trampoline] + WalkTests.outer
    let found = walk(process(program), at: Self.base + 0x305, words, PendingReturns(table, tid: 7, at: 20))
    #expect(found.addresses == [0x305, 0x308, 0x308, 0x220, 0x110] && found.end == .complete)
  }

  @Test func byAFullRowAndByTheFramePointerAsWell() {
    var table = ReturnAddressTable()
    call(&table, word: 5, to: 0x220, at: 10)
    let realigned = WalkTests.program {
      $0.describe(0x300..<0x310, CFA.defineExpression([0x76, 0x78, 0x06]) + CFA.expression(6, [0x76, 0]))
    }
    let words = [0, Self.stack + 48, 0, 0, 0, Self.trampoline] + WalkTests.outer
    let returns = PendingReturns(table, tid: 7, at: 20)
    let byRow = walk(process(realigned), at: Self.base + 0x305, words, returns, [X.rbp: Self.stack + 16])
    #expect(byRow.addresses == [0x305, 0x220, 0x110] && byRow.end == .complete)
    let guessed = walk(process(WalkTests.program()), at: Self.base + 0x600, words, returns, [X.rbp: Self.stack + 32])
    #expect(guessed.addresses == [0x600, 0x220, 0x110] && guessed.end == .complete)
  }

  @Test func onARM64TheReturnAddressIsKnownByTheStackPointerAtTheCall() {
    var program = SyntheticProgram()
    program.initial = CFA.define(31, 0)
    program.returnColumn = 30
    program.describe(0x100..<0x140, CFA.undefined(30))
    program.describe(0x300..<0x310, CFA.defineOffset(32) + CFA.offset(29, 4) + CFA.offset(30, 3))
    var table = ReturnAddressTable()
    call(&table, word: 4, to: 0x110, at: 10)
    let registers = [ARM64.pc: Self.base + 0x305, ARM64.sp: Self.stack, ARM64.x29: 0, ARM64.x30: 0]
    let found = process(program).walk(
      ARM64.self, registers, [0, Self.trampoline, 0, 0, 0], returns: PendingReturns(table, tid: 7, at: 20))
    #expect(found.addresses == [0x305, 0x110] && found.end == .complete)
  }

  // MARK: The table

  private let trampoline = ReturnProbeTests.trampoline

  @Test func theLatestCallBeforeTheMomentCounts() {
    var table = ReturnAddressTable()
    for (time, address) in [(10, 1), (20, 2), (30, 1), (40, 1)] as [(UInt64, UInt64)] {
      table.note(tid: 7, place: 0x100, returnAddress: address, at: time)
      table.note(tid: 7, place: 0x80, returnAddress: 100 + address, at: time + 1)
      table.note(tid: 8, place: 0x100, returnAddress: 50, at: time)
    }
    let found = [9, 10, 19, 20, 29, 30, 45].map {
      table.returnAddress(tid: 7, place: 0x100, at: $0, besides: trampoline)
    }
    #expect(found == [nil, 1, 1, 2, 2, 1, 1])
    #expect(table.returnAddress(tid: 7, place: 0x80, at: 22, besides: trampoline) == 102)
    #expect(table.returnAddress(tid: 8, place: 0x100, at: 22, besides: trampoline) == 50)
    #expect(table.returnAddress(tid: 9, place: 0x100, at: 22, besides: trampoline) == nil)
  }

  /// It is jumped to by a function whose return is waited for too.
  @Test func aTailCalledFunctionReturnsWhereItsCallerDoes() {
    var table = ReturnAddressTable()
    table.note(tid: 7, place: 0x100, returnAddress: 5, at: 10)
    table.note(tid: 7, place: 0x100, returnAddress: trampoline, at: 11)
    #expect(table.returnAddress(tid: 7, place: 0x100, at: 20, besides: trampoline) == 5)
  }

  @Test func callsBeforeALossOrAnExecSayNothingOfLaterMoments() {
    var table = ReturnAddressTable()
    table.note(tid: 7, place: 0x100, returnAddress: 5, at: 10)
    table.interrupt(at: 20)
    #expect(table.returnAddress(tid: 7, place: 0x100, at: 19, besides: trampoline) == 5)
    #expect(table.returnAddress(tid: 7, place: 0x100, at: 20, besides: trampoline) == nil)
    table.note(tid: 7, place: 0x100, returnAddress: 5, at: 30)
    #expect(table.returnAddress(tid: 7, place: 0x100, at: 31, besides: trampoline) == 5)
  }

  @Test func itDoesNotGrowForEver() {
    var table = ReturnAddressTable()
    // From ever other callsites.
    for time in 0..<100_000 as Range<UInt64> {
      table.note(tid: 7, place: UInt32(truncatingIfNeeded: time % 50 * 8), returnAddress: time, at: time)
    }
    #expect(table.returnAddress(tid: 7, place: 49 * 8, at: 99_999, besides: trampoline) == 99_999)
    #expect(table.returnAddress(tid: 7, place: 0, at: 96_000, besides: trampoline) == 96_000)
    #expect(table.returnAddress(tid: 7, place: 0, at: 1000, besides: trampoline) == nil)
    for tid in 100..<400_000 as Range<Int32> { table.note(tid: tid, place: 8, returnAddress: 1, at: 200_000) }
    #expect(table.returnAddress(tid: 399_999, place: 8, at: 200_000, besides: trampoline) == 1)
    #expect(table.returnAddress(tid: 100, place: 8, at: 200_000, besides: trampoline) == nil)
  }

  @Test func aFullTableForgetsTheThreadsThatHaveCalledNothingForLongest() {
    var table = ReturnAddressTable()
    for index in 0..<100_000 as Range<UInt64> {
      table.note(tid: 7, place: UInt32(index % 50 * 8), returnAddress: index, at: index)
      table.note(tid: Int32(index) + 1000, place: 8, returnAddress: 1, at: index)
    }
    for index in 100_000..<300_000 as Range<UInt64> {
      table.note(tid: Int32(index) + 1000, place: 8, returnAddress: 1, at: index)
      // A thread that goes on calling.
      if index % 1000 == 0 { table.note(tid: 7, place: 16, returnAddress: index, at: index) }
    }
    #expect(table.returnAddress(tid: 7, place: 16, at: 300_000, besides: trampoline) == 299_000)
    #expect(table.returnAddress(tid: 299_999, place: 8, at: 300_000, besides: trampoline) == 1)
    #expect(table.returnAddress(tid: 1000, place: 8, at: 300_000, besides: trampoline) == nil)
    #expect(table.forgotten > 0)
  }

  @Test func aThreadThatHasEndedIsForgotten() {
    var table = ReturnAddressTable()
    table.note(tid: 7, place: 8, returnAddress: 1, at: 10)
    table.note(tid: 8, place: 8, returnAddress: 2, at: 10)
    table.forget(tid: 7)
    #expect(table.returnAddress(tid: 7, place: 8, at: 20, besides: trampoline) == nil)
    #expect(table.returnAddress(tid: 8, place: 8, at: 20, besides: trampoline) == 2)
    table.forget(tid: 8)
    #expect(table.isEmpty)
  }
}
