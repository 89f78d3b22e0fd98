import TestSupport
import Testing
import TraceModel

@testable import Unwinder

struct SyscallInstructionsTests {
  private static func registers(_ pointer: UInt64?) -> UserRegisters {
    var registers = UserRegisters(.x86_64)
    registers[RegisterArchitecture.x86_64.instructionPointer] = pointer
    return registers
  }

  private static func process(_ code: [UInt8]) -> SyntheticProcess {
    var program = SyntheticProgram()
    program.code = [0x1000: code]
    return SyntheticProcess(program)
  }

  private static let behind = SyntheticProcess.base + 0x1002

  @Test func theInstructionTellsA32BitSyscall() {
    var instructions = SyscallInstructions()
    for (code, isCompat) in [([0xCD, 0x80], true), ([0x0F, 0x05], false)] as [([UInt8], Bool)] {
      let process = Self.process(code)
      for _ in 0..<2 {
        #expect(
          instructions.isCompat(Self.registers(Self.behind), in: process.space, of: process.source) == isCompat)
      }
    }
  }

  @Test func codeThatCannotBeReadTellsNothing() {
    var instructions = SyscallInstructions()
    let process = Self.process([0x0F, 0x05])
    #expect(instructions.isCompat(Self.registers(0x5000), in: process.space, of: process.source) == nil)
    #expect(instructions.isCompat(Self.registers(nil), in: process.space, of: process.source) == nil)
    let bits32 = UserRegisters(.x86_64, is32Bit: true)
    #expect(instructions.isCompat(bits32, in: process.space, of: process.source) == false)
  }

  @Test func onlySoManyCallsitesAreKept() {
    var instructions = SyscallInstructions()
    let process = Self.process([0x0F, 0x05])
    for offset in 2..<UInt64(SyscallInstructions.limit) * 2 {
      _ = instructions.isCompat(
        Self.registers(SyntheticProcess.base + offset), in: process.space, of: process.source)
      #expect(instructions.count <= SyscallInstructions.limit)
    }
    #expect(instructions.count > 0)
  }
}
