import TestSupport
import Testing
import TraceModel

@testable import Unwinder

/// Stacks of both machines through one unwinder, whatever machine the tests run on.
struct UnwinderTests {
  @Test func theRegistersSayWhichMachinesStackItIs() {
    var x86 = SyntheticProgram()
    x86.describe(0x100..<0x140, CFA.undefined(16))
    x86.describe(0x300..<0x310)
    var arm = SyntheticProgram()
    arm.initial = CFA.define(31, 0)
    arm.returnColumn = 30
    arm.describe(0x100..<0x140, CFA.undefined(30))
    arm.describe(0x300..<0x310, CFA.defineOffset(16) + CFA.offset(30, 1))
    let source = ScriptedCode()
    var unwinder = Unwinder(source: source)
    for (architecture, program, words) in [
      (.x86_64, x86, [0x1110]), (.arm64, arm, [0, 0x1110]), (.x86_64, x86, [0x1110]),
    ] as [(RegisterArchitecture, SyntheticProgram, [UInt64])] {
      var space = AddressSpace()
      space.add(Mapping(start: 0x1000, end: 0x5000, module: source.add(program)))
      var registers = UserRegisters(architecture)
      registers[architecture.stackPointer] = 0x8000
      registers[architecture.instructionPointer] = 0x1304
      var frames = FlatArray<Frame>()
      let end = words.withUnsafeBytes {
        unwinder.unwind(registers, stack: StackBytes(start: 0x8000, bytes: $0), space: space, into: &frames)
      }
      #expect(frames.elements.map(\.code.address) == [0x1304, 0x1110] && end == .complete)
    }
    #expect(unwinder.counters.frames == 6 && unwinder.counters.cache.misses == 6)
  }
}
