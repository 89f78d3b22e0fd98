import Testing

@testable import Unwinder

/// Which rows compress to rules, and the cache that keeps rules.
struct UnwindRuleTests {
  private func row(_ change: (inout CFIRow) -> Void = { _ in }) -> CFIRow {
    var row = CFIRow()
    row.cfa = .registerOffset(7, 32)
    row.returnAddressRegister = 16
    row.registers[16] = .offset(-8)
    row.registers[6] = .offset(-16)
    row.registers[15] = .offset(-24)
    change(&row)
    return row
  }

  @Test func whatCompilersWriteCompresses() {
    var rule = UnwindRule(.registerOffset, register: 7, offset: 32, returnSlot: 1)
    rule.set(slot: 1, words: 2)
    rule.set(slot: 5, words: 3)
    #expect(UnwindRule(row(), for: X86_64.self) == rule)
    // What calls do not preserve does not matter.
    #expect(UnwindRule(row { $0.registers[0] = .expression(0..<2) }, for: X86_64.self) == rule)
    #expect(UnwindRule(row { $0.registers[7] = .valueOffset(0) }, for: X86_64.self) == rule)
    #expect(UnwindRule(row { $0.registers[3] = .sameValue }, for: X86_64.self) == rule)
    #expect(UnwindRule(row { $0.registers[16] = .undefined }, for: X86_64.self)?.kind == .outermost)
  }

  static let full: [(String, @Sendable (inout CFIRow) -> Void)] = [
    ("a signal frame", { $0.isSignalFrame = true }),
    ("an expression for the CFA", { $0.cfa = .expression(0..<1) }),
    ("no CFA", { $0.cfa = .undefined }),
    ("a large offset", { $0.cfa = .registerOffset(7, 1 << 31) }),
    ("a return address that is nowhere", { $0.registers[16] = .unspecified }),
    ("a return address above the CFA", { $0.registers[16] = .offset(8) }),
    ("another return column", { $0.returnAddressRegister = 3 }),
    ("a register 256 words below", { $0.registers[6] = .offset(-2048) }),
    ("a register at an odd place", { $0.registers[6] = .offset(-12) }),
    ("a register above the CFA", { $0.registers[6] = .offset(16) }),
    ("the least offset", { $0.registers[6] = .offset(.min) }),
    ("a register in another one", { $0.registers[6] = .register(3) }),
    ("a lost register", { $0.registers[6] = .undefined }),
    ("a register by an expression", { $0.registers[3] = .expression(0..<1) }),
    ("a stack pointer that is not the CFA", { $0.registers[7] = .valueOffset(8) }),
    ("a stack pointer that is saved", { $0.registers[7] = .offset(-16) }),
  ]

  @Test("What a rule cannot say stays a row", arguments: full)
  func keptRow(name: String, change: @Sendable (inout CFIRow) -> Void) {
    #expect(UnwindRule(row(change), for: X86_64.self) == nil, "\(name)")
  }

  @Test func theLinkRegisterMayHoldTheReturnAddress() throws {
    var row = CFIRow()
    row.cfa = .registerOffset(31, 0)
    row.returnAddressRegister = 30
    let leaf = try #require(UnwindRule(row, for: ARM64.self))
    #expect(leaf.returnSlot == 0 && leaf.register == 31 && leaf.slots == 0 && leaf.moreSlots == 0)
    row.cfa = .registerOffset(29, 96)
    for (number, words) in [(19, 10), (29, 12), (30, 11)] as [(Int, Int64)] {
      row.registers[number] = .offset(-8 * words)
    }
    let rule = try #require(UnwindRule(row, for: ARM64.self))
    #expect(rule.returnSlot == 11 && rule.slots == 10 && rule.moreSlots == 0x0B0C_0000)
  }

  @Test func theCacheKeepsOneRuleForAPlace() {
    var cache = RuleCache(bits: 1)
    let rule = UnwindRule(.registerOffset, register: 7, offset: 8, returnSlot: 1)
    #expect(cache.find(module: 0, offset: 0) == nil)
    for offset in 0..<8 as Range<UInt64> { cache.insert(rule, module: 0, offset: offset) }
    #expect(cache.find(module: 0, offset: 7) == rule)
    // Some of these have the same place.
    let others = (1...16).map { cache.find(module: $0, offset: 7) }
    #expect(others.allSatisfy { $0 == nil })
    #expect(cache.counters.collisions >= 6)
    cache.removeAll()
    #expect(cache.find(module: 0, offset: 7) == nil)
    #expect(cache.counters.hits == 1 && cache.counters.misses == 18)
  }
}
