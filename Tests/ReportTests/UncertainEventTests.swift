import Testing
import TraceModel

@testable import Aggregator
@testable import Report
@testable import Session

extension GoldenTests {
  /// Calls with and without a confirmed name are not folded into one.
  @Test func foldedSyscallsAreEquallyCertain() {
    var sample = Self.sample
    let event = SyscallEvent(
      tid: 7, name: 1, number: 12, abi: .x86_64, entry: 1000, exit: 2000, returnValue: 0)
    sample.slowSyscalls = (0..<3).map { _ in SlowSyscall(EndedSyscall(event)) }
    sample.uncertainProcesses = [sample.target]
    sample.slowSyscalls[1].isCompat = false
    #expect(SyscallGroup.of(sample).map(\.members.count) == [2, 1])
    #expect(sample.slowSyscalls.map { sample.isNameUncertain(of: $0) } == [true, false, true])
    sample.uncertainProcesses = []
    #expect(SyscallGroup.of(sample).map(\.members.count) == [3])
  }
}
