import Testing
import TraceModel

@testable import Aggregator
@testable import Report

extension GoldenTests {
  /// Calls with and without a confirmed name are not folded into one.
  @Test func foldedSyscallsAreEquallyCertain() {
    var sample = Self.sample
    let event = SyscallEvent(
      tid: 7, name: 1, number: 12, abi: .x86_64, entry: 1000, exit: 2000, returnValue: 0)
    sample.snapshot.syscallEvents = [event, event, event]
    sample.namesAreUncertain = true
    sample.stacks.events = [EventStacks(), EventStacks(), EventStacks()]
    sample.stacks.events[1].isCompat = false
    #expect(SyscallGroup.of(sample).map(\.events) == [[0, 2], [1]])
    #expect((0..<3).map { sample.isNameUncertain(ofEvent: $0) } == [true, false, true])
    sample.namesAreUncertain = false
    #expect(SyscallGroup.of(sample).map(\.events) == [[0, 1, 2]])
  }
}
