import Testing
import TraceModel

@testable import Aggregator
@testable import Report

struct ColumnsTests {
  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (UInt64.max, "18,446,744,073,709,551,615"),
  ])
  func thousandsAreSeparated(_ number: UInt64, _ text: String) { #expect(Columns.grouped(number) == text) }

  @Test func textIsPaddedAndCut() {
    #expect(Columns.left("ab", 4) == "ab  " && Columns.right("ab", 4) == "  ab")
    #expect(Columns.left("abcdef", 4) == "abcdef" && Columns.cut("abcdef", 4) == "abcd")
  }

  @Test func syscallsHaveTheNamesOfTheirABI() {
    #expect(SyscallNames.name(0, abi: .x86_64) == "read")
    #expect(SyscallNames.name(64, abi: .i386) == "getppid")
    #expect(SyscallNames.name(64, abi: .arm64) == "write")
    #expect(SyscallNames.name(0x4000_0000 + 520, abi: .x86_64) == "execve")
    #expect(SyscallNames.name(0x4000_0000 + 39, abi: .x86_64) == "getpid")
    #expect(SyscallNames.name(99_999, abi: .x86_64) == "syscall_99999")
    for abi in SyscallABI.allCases where abi != .other {
      #expect(SyscallNames.name(abi.pollNumber, abi: abi).contains("poll"))
      #expect(SyscallNames.name(abi.signalReturnNumber, abi: abi) == "rt_sigreturn")
      #expect(abi.oldSignalReturnNumber.map { SyscallNames.name($0, abi: abi) } ?? "sigreturn" == "sigreturn")
      #expect(SyscallNames.name(abi.futexNumber, abi: abi) == "futex")
    }
    #expect(SyscallNames.name(5003, abi: .other) == "syscall_5003")
  }
}
