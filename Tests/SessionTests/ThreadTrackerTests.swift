import Aggregator
import Testing
import TraceModel

@testable import Session

struct ThreadTrackerTests {
  private func thread(user: UInt64, kernel: UInt64, faults: UInt64) -> ThreadFacts {
    ThreadFacts(
      tid: 7, pid: 7, name: "t", state: .runnable, userTicks: user, kernelTicks: kernel, faults: faults)
  }

  /// The kernel's ticks are a syscall's only where no page fault can have taken them, and a user's never are.
  @Test(
    arguments: [
      (5, 1, 0, ThreadObservation.Mode.user), (5, 1, 9, .user), (0, 5, 0, .syscall), (0, 5, 1, .unknown),
      (2, 5, 1, .unknown), (0, 0, 0, .unknown), (3, 3, 0, .unknown),
    ] as [(UInt64, UInt64, UInt64, ThreadObservation.Mode)])
  func clockTicksTellTheModeOfAThreadThatCrossesNothing(
    _ user: UInt64, _ kernel: UInt64, _ faults: UInt64, _ expected: ThreadObservation.Mode
  ) {
    let before = thread(user: 40, kernel: 30, faults: 20)
    let now = thread(user: 40 + user, kernel: 30 + kernel, faults: 20 + faults)
    #expect(ThreadTracker.mode(from: before, to: now) == expected)
  }

  @Test func aLookThatIsOlderThanTheOtherTellsNothing() {
    let (early, late) = (thread(user: 40, kernel: 30, faults: 20), thread(user: 45, kernel: 30, faults: 20))
    #expect(ThreadTracker.mode(from: late, to: early) == .unknown)
  }
}
