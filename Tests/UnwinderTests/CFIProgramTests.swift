import TestSupport
import Testing
import TraceModel

@testable import Unwinder

/// Call frame programs: what each instruction does to a row, and what is refused.
struct CFIProgramTests {
  private func row(
    _ instructions: [UInt8], at address: UInt64 = 0x1000, initial: [UInt8]? = nil, column: UInt8 = 16,
    instructionsLeft: Int? = nil
  ) throws(CFIError) -> CFIRow {
    var program = SyntheticProgram()
    program.returnColumn = column
    if let initial { program.initial = initial }
    program.describe(0x1000..<0x1100, instructions)
    let section = FrameSection(kind: .ehFrame, data: SectionBytes(program.frameBytes), address: 0x2000, is64Bit: true)
    guard let found = try FrameIndex(scanning: section).description(containing: address) else { throw .truncated }
    var budget = FrameBudget()
    if let instructionsLeft { budget.instructions = instructionsLeft }
    let row = try CFIProgram.row(for: address, found, section, &budget)
    #expect(budget.instructions < instructionsLeft ?? FrameBudget.instructionsPerStack)
    return row
  }

  private func rule(_ register: Int, _ instructions: [UInt8]) throws(CFIError) -> RegisterRule {
    try row(instructions).registers[register]
  }

  @Test func aRowHoldsUpToTheNextLocation() throws {
    let code =
      CFA.advance(4) + CFA.defineOffset(16) + [0x02, 16] + CFA.defineOffset(24) + [0x03, 32, 0]
      + CFA.defineOffset(32) + [0x04, 16, 0, 0, 0] + CFA.defineOffset(40)
    for (address, offset, range) in [
      (0x1000, 8, 0x1000..<0x1004), (0x1003, 8, 0x1000..<0x1004), (0x1004, 16, 0x1004..<0x1014),
      (0x1014, 24, 0x1014..<0x1034), (0x1034, 32, 0x1034..<0x1044), (0x10FF, 40, 0x1044..<0x1100),
    ] as [(UInt64, Int64, Range<UInt64>)] {
      let found = try row(code, at: address)
      #expect(found.cfa == .registerOffset(7, offset) && found.code == range)
    }
  }

  @Test func setLocationMovesAsTheEncodingSays() throws {
    let code: [UInt8] = [0x01, 0x10, 0x10, 0, 0, 0, 0, 0, 0] + CFA.defineOffset(16)
    #expect(try row(code, at: 0x100F).cfa == .registerOffset(7, 8))
    #expect(try row(code, at: 0x1010).cfa == .registerOffset(7, 16))
    #expect(throws: CFIError.malformed) { try row(CFA.advance(32) + code, at: 0x1050) }
  }

  @Test func theCanonicalFrameAddressIsDefinedInEachForm() throws {
    #expect(try row(CFA.define(6, 16)).cfa == .registerOffset(6, 16))
    #expect(try row([0x12, 6, 0x7E]).cfa == .registerOffset(6, 16))
    #expect(try row([0x13, 0x7D]).cfa == .registerOffset(7, 24))
    #expect(try row(CFA.defineRegister(6)).cfa == .registerOffset(6, 8))
    guard case .expression(let range) = try row(CFA.defineExpression([0x77, 8])).cfa else {
      Issue.record("no expression")
      return
    }
    #expect(range.count == 2)
    #expect(throws: CFIError.malformed) { try row(CFA.defineExpression([0x77, 8]) + CFA.defineOffset(8)) }
    #expect(throws: CFIError.unsupported) { try row(CFA.define(33, 8)) }
  }

  @Test func registersHaveEachKindOfRule() throws {
    #expect(try rule(6, CFA.offset(6, 2)) == .offset(-16))
    #expect(try rule(6, [0x05, 6, 3]) == .offset(-24))
    #expect(try rule(6, [0x11, 6, 0x7E]) == .offset(16))
    #expect(try rule(6, [0x2F, 6, 2]) == .offset(16))
    #expect(try rule(6, CFA.undefined(6)) == .undefined)
    #expect(try rule(6, [0x08, 6]) == .sameValue)
    #expect(try rule(6, [0x09, 6, 3]) == .register(3))
    #expect(try rule(6, [0x09, 6, 40]) == .undefined)
    #expect(try rule(6, [0x14, 6, 2]) == .valueOffset(-16))
    #expect(try rule(6, [0x15, 6, 0x7E]) == .valueOffset(16))
    guard case .expression(let place) = try rule(6, CFA.expression(6, [0x77, 8])),
      case .valueExpression(let value) = try rule(6, CFA.valueExpression(6, [0x77, 8, 0x22]))
    else {
      Issue.record("no expression")
      return
    }
    #expect(place.count == 2 && value.count == 3)
    // Vector registers hold no addresses.
    #expect(try row([0x05, 60, 3]).registers == row([]).registers)
  }

  @Test func restoreTakesTheRuleOfTheBeginning() throws {
    #expect(try rule(16, CFA.undefined(16) + CFA.restore(16)) == .offset(-8))
    #expect(try rule(6, CFA.offset(6, 2) + CFA.restore(6)) == .unspecified)
    #expect(try rule(6, CFA.offset(6, 2) + [0x06, 6]) == .unspecified)
  }

  @Test func rememberedRowsComeBackInTurn() throws {
    let nested = CFA.remember + CFA.defineOffset(16) + CFA.remember + CFA.defineOffset(24) + CFA.offset(6, 2)
    #expect(try row(nested).cfa == .registerOffset(7, 24))
    #expect(try row(nested + CFA.restoreState).cfa == .registerOffset(7, 16))
    let back = try row(nested + CFA.restoreState + CFA.restoreState)
    #expect(back.cfa == .registerOffset(7, 8) && back.registers[6] == .unspecified)
    #expect(throws: CFIError.malformed) { try row(CFA.restoreState) }
    // The place goes on: it is no part of what is remembered.
    #expect(
      try row(CFA.remember + CFA.advance(8) + CFA.defineOffset(16) + CFA.restoreState, at: 0x1008).code
        == 0x1008..<0x1100)
  }

  @Test func instructionsThatSayNothingOfRegistersArePassedOver() throws {
    // nop, GNU_args_size, AARCH64_negate_ra_state, AARCH64_negate_ra_state_with_pc
    #expect(try row([0x00, 0x2E, 0x80, 0x01, 0x2D, 0x2C] + CFA.defineOffset(48)).cfa == .registerOffset(7, 48))
  }

  @Test func whatCannotBeMeantIsRefused() {
    #expect(throws: CFIError.unsupported) { try row([0x3F, 0]) }
    #expect(throws: CFIError.truncated) { try row([0x0C, 7]) }
    #expect(throws: CFIError.truncated) { try row([0x0F, 100, 0x77]) }
    #expect(throws: CFIError.malformed) { try row([], initial: CFA.advance(4)) }
    #expect(throws: CFIError.unsupported) { try row([], column: 33) }
    let largest: [UInt8] = [0x1D] + [UInt8](repeating: 0xFF, count: 8)
    #expect(throws: CFIError.malformed) { try row(largest) }
    // -8 times 2^62
    let number = [UInt8](repeating: 0x80, count: 8) + [0x40]
    #expect(throws: CFIError.malformed) { try row([0x05, 6] + number) }
    #expect(throws: CFIError.malformed) { try row([0x2E] + [UInt8](repeating: 0x80, count: 100) + [0]) }
  }

  @Test func noProgramGoesOnForEver() {
    let nops = [UInt8](repeating: 0x00, count: CFIProgram.instructionLimit)
    #expect(throws: CFIError.limitReached) { try row(nops) }
    let remembers = [UInt8](repeating: 0x0A, count: CFIProgram.rememberLimit + 1)
    #expect(throws: CFIError.limitReached) { try row(remembers) }
    #expect(throws: CFIError.limitReached) { try row([0, 0, 0, 0], instructionsLeft: 5) }
    #expect(throws: Never.self) { try row([0, 0, 0, 0], instructionsLeft: 6 + 3) }
  }
}
