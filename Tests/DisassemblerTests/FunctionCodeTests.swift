import Testing

@testable import Disassembler

/// Functions by their bytes, at address 0x1000.
struct FunctionCodeTests {
  private static let start: UInt64 = 0x1000

  private func code(
    _ bytes: [UInt8], _ set: InstructionSet = .x86_64, more: [CodePart] = [],
    data: (UInt64, Int) -> [UInt8]? = { _, _ in nil }
  ) -> FunctionCode {
    FunctionCode([CodePart(address: Self.start, bytes: bytes)] + more, set, readData: data)
  }

  @Test func everyFormOfReturnIsAWayOut() {
    // test %edi,%edi; je +1; ret; je +2; rep ret; bnd ret; ret $16
    let found = code([0x85, 0xFF, 0x74, 1, 0xC3, 0x74, 2, 0xF3, 0xC3, 0xF2, 0xC3, 0xC2, 16, 0])
    #expect(found.returnsByRetAlone)
    #expect(found.returns == [0x1004, 0x1007, 0x1009, 0x100B])
    #expect(found.targets == [0x1005, 0x1009])
  }

  @Test func aJumpOutOfTheFunctionIsAWayOut() {
    // je +0x100; ret
    #expect(code([0x0F, 0x84, 0, 1, 0, 0, 0xC3]).outsideTargets == [0x1106])
    // jmp +0x100
    let tail = code([0xE9, 0, 1, 0, 0])
    #expect(tail.outsideTargets == [0x1105] && tail.isComplete && !tail.returnsByRetAlone)
    // jmp *8(%rax), notrack jmp *%rax
    for jump: [UInt8] in [[0xFF, 0x60, 8], [0x3E, 0xFF, 0xE0]] {
      let found = code(jump)
      #expect(found.unresolvedJumps == [0x1000] && !found.returnsByRetAlone)
    }
  }

  @Test func itsOwnStartAndItsColdPartAreInside() {
    // dec %edi; jne start; je 0x2000; ret; and there: nop; jmp 0x1009
    let cold = CodePart(address: 0x2000, bytes: [0x90, 0xE9, 0x04, 0xF0, 0xFF, 0xFF])
    let bytes: [UInt8] = [0xFF, 0xCF, 0x75, 0xFC, 0x0F, 0x84, 0xF6, 0x0F, 0, 0, 0xC3]
    #expect(code(bytes).outsideTargets == [0x2000])
    let whole = code(bytes, more: [cold])
    #expect(whole.returnsByRetAlone && whole.targets == [0x1000, 0x2000, 0x100A], "\(whole)")
    #expect(whole.instruction(at: 0x2001)?.length == 5 && whole.instruction(at: 0x2002) == nil)
  }

  @Test func aCallOrATrapEndsAFunctionAndAnythingElseRunsPastItsEnd() {
    // call abort, with and without padding, as GCC and Go end functions; ud2; hlt; jmp start
    for end: [UInt8] in [[0xE8, 0, 1, 0, 0], [0xE8, 0, 1, 0, 0, 0x90], [0x0F, 0x0B], [0xF4], [0xEB, 0xFB]] {
      #expect(code([0x74, 1, 0xC3] + end).returnsByRetAlone, "\(end)")
    }
    for end: [UInt8] in [[0x89, 0xF8], [0x74, 0xFB], [0x89, 0xF8, 0x90]] {
      let found = code([0x74, 1, 0xC3] + end)
      #expect(found.isComplete && !found.returnsByRetAlone, "\(end)")
    }
  }

  @Test func aSubroutineInsideReturnsByTheSameInstructions() {
    // call +1; ret; ret
    #expect(!code([0xE8, 1, 0, 0, 0, 0xC3, 0xC3]).returnsByRetAlone)
    // 32-bit code asks where it is: call +0; pop %eax; ret
    #expect(code([0xE8, 0, 0, 0, 0, 0x58, 0xC3], .i386).returnsByRetAlone)
    // A function that calls itself.
    #expect(code([0xE8, 0xFB, 0xFF, 0xFF, 0xFF, 0xC3]).returnsByRetAlone)
  }

  @Test func whatIsNotUnderstoodIsNotComplete() {
    // Not an instruction; cut off; a jump into the middle of another instruction; no code at all.
    for bytes: [UInt8] in [[0x06, 0xC3], [0xC3, 0xE8, 0], [0xEB, 1, 0xB8, 0xC3, 0, 0, 0, 0xC3]] {
      let found = code(bytes)
      #expect(!found.isComplete && !found.returnsByRetAlone, "\(bytes)")
    }
    #expect(!code([]).returnsByRetAlone)
    #expect(!code([UInt8](repeating: 0x90, count: FunctionCode.limit + 1)).isComplete)
  }

  @Test func aJumpOverALockPrefixIsGlibcs() {
    // je +1; lock incl (%rax); ret
    let found = code([0x74, 1, 0xF0, 0xFF, 0x00, 0xC3])
    #expect(found.returnsByRetAlone)
    #expect(found.instruction(at: 0x1003) == nil && found.instruction(containing: 0x1003)?.address == 0x1002)
  }

  // MARK: Computed jumps

  /// cmp $2,%edi; ja default; lea table(%rip),%rdx; movslq (%rdx,%rdi,4),%rax; add %rdx,%rax; jmp *%rax; three cases
  private static func relativeTable(compare: [UInt8] = [0x83, 0xFF, 2, 0x77, 0x12], jump: [UInt8] = [0xFF, 0xE0])
    -> [UInt8]
  {
    compare + [0x48, 0x8D, 0x15, 0xF4, 0x1F, 0, 0, 0x48, 0x63, 0x04, 0xBA, 0x48, 0x01, 0xD0] + jump
      + [0xC3, 0xC3, 0xC3]
  }

  /// Three distances from the table to the three last instructions.
  private static func table(_ address: UInt64, _ count: Int) -> [UInt8]? {
    guard count == 12 else { return nil }
    let targets = [0x1015, 0x1016, 0x1017].map { UInt32(truncatingIfNeeded: UInt64($0) &- address) }
    return targets.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
  }

  @Test func aTableOfDistancesIsFollowed() {
    let found = code(Self.relativeTable(), data: Self.table)
    #expect(found.unresolvedJumps.isEmpty && found.returnsByRetAlone, "\(found)")
    #expect(found.targets.isSuperset(of: [0x1015, 0x1016, 0x1017]) && found.returns.count == 3)
  }

  @Test func aTableWithoutABoundOrWithAnotherTargetIsNot() {
    // No comparison but five nops; a table that leads out of the function; one that is not there.
    #expect(
      code(Self.relativeTable(compare: [UInt8](repeating: 0x90, count: 5)), data: Self.table).unresolvedJumps.count == 1
    )
    #expect(
      code(Self.relativeTable(), data: { _, count in [UInt8](repeating: 1, count: count) }).unresolvedJumps.count == 1)
    #expect(code(Self.relativeTable()).unresolvedJumps.count == 1)
    // The number is changed after it was compared: cmp $2,%edi; inc %edi.
    let changed = code(Self.relativeTable(compare: [0x83, 0xFF, 2, 0xFF, 0xC7]), data: Self.table)
    #expect(changed.isComplete && changed.unresolvedJumps.count == 1)
  }

  @Test func aTableOfAddressesIsFollowed() {
    // cmp $1,%edi; ja; jmp *0x3000(,%rdi,8); ret; ret
    let bytes: [UInt8] = [0x83, 0xFF, 1, 0x77, 0x07, 0xFF, 0x24, 0xFD, 0, 0x30, 0, 0, 0xC3, 0xC3]
    let found = code(bytes) { address, count in
      address == 0x3000 && count == 16 ? [0x0C, 0x10, 0, 0, 0, 0, 0, 0, 0x0D, 0x10, 0, 0, 0, 0, 0, 0] : nil
    }
    #expect(found.returnsByRetAlone && found.targets == [0x100C, 0x100D], "\(found)")
  }

  /// jmp *0x3000(,%rdi,8), whose table has two entries: the ret behind it, and that.
  private func tableJump(after bytes: [UInt8], rets: Int = 2) -> FunctionCode {
    let all = bytes + [0xFF, 0x24, 0xFD, 0, 0x30, 0, 0] + [UInt8](repeating: 0xC3, count: rets)
    let target = UInt8(bytes.count + 7)
    return code(all) { address, count in
      address == 0x3000 ? (0..<count).map { [target, 0x10, 0, 0, 0, 0, 0, 0][$0 % 8] } : nil
    }
  }

  @Test func aConditionOfAnotherComparisonBoundsNothing() {
    // cmp $1,%edi; je end; ja end: both are of the same comparison.
    #expect(tableJump(after: [0x83, 0xFF, 1, 0x74, 9, 0x77, 7]).unresolvedJumps.isEmpty)
    // cmp $1,%edi; je end; cmp %rdx,%rcx; ja end
    let other = tableJump(after: [0x83, 0xFF, 1, 0x74, 12, 0x48, 0x39, 0xD1, 0x77, 7])
    #expect(other.isComplete && other.unresolvedJumps.count == 1, "\(other)")
    // cmp $1,%edi; test %ecx,%ecx; ja end
    let test = tableJump(after: [0x83, 0xFF, 1, 0x85, 0xC9, 0x77, 7])
    #expect(test.isComplete && test.unresolvedJumps.count == 1)
    // cmp $1,%edi; call; ja end
    let called = tableJump(after: [0x83, 0xFF, 1, 0xE8, 0, 1, 0, 0, 0x77, 7])
    #expect(called.isComplete && called.unresolvedJumps.count == 1)
  }

  @Test func aBoundHoldsOnItsOwnSideOfTheJump() {
    // cmp $1,%edi; jbe end: at the table the number is larger.
    let wrong = tableJump(after: [0x83, 0xFF, 1, 0x76, 7])
    #expect(wrong.isComplete && wrong.unresolvedJumps.count == 1, "\(wrong)")
    // cmp $1,%edi; jbe over; ret; over:
    #expect(tableJump(after: [0x83, 0xFF, 1, 0x76, 1, 0xC3]).unresolvedJumps.isEmpty)
    // cmp $1,%edi; ja over; ret; over:
    let above = tableJump(after: [0x83, 0xFF, 1, 0x77, 1, 0xC3])
    #expect(above.isComplete && above.unresolvedJumps.count == 1)
  }

  @Test func aWayPastTheComparisonLeavesTheNumberUnbounded() {
    // test %ecx,%ecx; je over; cmp $1,%edi; ja end; over:
    let past = tableJump(after: [0x85, 0xC9, 0x74, 5, 0x83, 0xFF, 1, 0x77, 7])
    #expect(past.isComplete && past.unresolvedJumps.count == 1, "\(past)")
    // test %ecx,%ecx; je over; nop; over: cmp $1,%edi; ja end
    #expect(tableJump(after: [0x85, 0xC9, 0x74, 1, 0x90, 0x83, 0xFF, 1, 0x77, 7]).unresolvedJumps.isEmpty)
  }

  @Test func aComputedJumpPastTheComparisonIsOneToo() {
    // cmp $0,%esi; ja end; jmp *0x4000(,%rsi,8), to the second of: cmp $1,%edi; ja end; jmp *0x3000(,%rdi,8); end: ret
    let bytes: [UInt8] = [
      0x83, 0xFE, 0, 0x77, 19, 0xFF, 0x24, 0xF5, 0, 0x40, 0, 0, 0x83, 0xFF, 1, 0x77, 7, 0xFF, 0x24, 0xFD, 0, 0x30, 0, 0,
      0xC3,
    ]
    for (target, unresolved) in [(0x0C, []), (0x11, [0x1011])] as [(UInt8, [UInt64])] {
      let found = code(bytes) { address, count in
        (0..<count).map { [address == 0x4000 ? target : 0x18, 0x10, 0, 0, 0, 0, 0, 0][$0 % 8] }
      }
      #expect(found.isComplete && found.unresolvedJumps == unresolved, "\(found)")
    }
  }

  @Test func aNumberInMemoryIsBoundedAsLongAsNothingIsWrittenThere() {
    // cmpl $1,8(%rsi); ja end; BETWEEN; mov 8(%rsi),%edi
    func found(_ between: [UInt8]) -> FunctionCode {
      tableJump(after: [0x83, 0x7E, 8, 1, 0x77, UInt8(between.count + 10)] + between + [0x8B, 0x7E, 8])
    }
    // Nothing; mov (%rcx),%edx.
    for between: [UInt8] in [[], [0x8B, 0x11]] { #expect(found(between).unresolvedJumps.isEmpty, "\(between)") }
    // mov %rax,%rsi; add $8,%rsi; mov %edx,(%rcx); incl 8(%rsi); push %rax; call.
    for between: [UInt8] in [
      [0x48, 0x89, 0xC6], [0x48, 0x83, 0xC6, 8], [0x89, 0x11], [0xFF, 0x46, 8], [0x50], [0xE8, 0, 1, 0, 0],
    ] {
      let changed = found(between)
      #expect(changed.isComplete && changed.unresolvedJumps.count == 1, "\(between)")
    }
  }

  @Test func anyBytesAreDecodedWithinTheirBounds() {
    var state: UInt64 = 12
    for _ in 0..<2000 {
      let bytes = (0..<64).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
      }
      for set in [InstructionSet.x86_64, .i386] {
        let found = code(bytes, set) { _, count in [UInt8](repeating: 0xFF, count: count) }
        #expect(found.instructions.allSatisfy { $0.address >= Self.start && $0.end <= Self.start + 64 })
      }
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func aHostileFunctionTakesNoLongerThanALargeOne() {
    // Half a million jumps, to each other and computed: cmp $1,%edi; ja; jmp *table(,%rdi,8) again and again.
    let near = code(
      [UInt8](repeating: 0, count: FunctionCode.limit).enumerated().map { $0.offset % 2 == 0 ? 0xEB : 0xFE })
    #expect(near.instructions.count == FunctionCode.limit / 2 && near.isComplete)
    let table: [UInt8] = [0x81, 0xFF, 0xFE, 0x00, 0, 0, 0x77, 0x07, 0xFF, 0x24, 0xFD, 0, 0x30, 0, 0, 0xC3]
    let computed = code([[UInt8]](repeating: table, count: 1 << 15).flatMap { $0 }) { _, count in
      (0..<count).map { [0x0F, 0x10, 0, 0, 0, 0, 0, 0][$0 % 8] }
    }
    #expect(
      computed.isComplete && computed.targets.contains(0x100F) && computed.unresolvedJumps.count == (1 << 15) - 1024)
  }
}
