import Aggregator
import Testing

@testable import TraceSource
@testable import kdelay_ftrace

struct ThreadTrackerTests {
  private func glance(user: UInt64, kernel: UInt64, faults: UInt64) -> ThreadGlance {
    ThreadGlance(
      tid: 7,
      status: ProcessStatus(
        name: "t", state: "R", parent: 1, flags: 0, userTicks: user, kernelTicks: kernel, faults: faults, startTime: 5),
      isInSyscall: nil, runTime: nil)
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
    let before = glance(user: 40, kernel: 30, faults: 20)
    let now = glance(user: 40 + user, kernel: 30 + kernel, faults: 20 + faults)
    #expect(ThreadTracker.mode(from: before, to: now) == expected)
  }

  @Test func aLookThatIsOlderThanTheOtherTellsNothing() {
    let (early, late) = (glance(user: 40, kernel: 30, faults: 20), glance(user: 45, kernel: 30, faults: 20))
    #expect(ThreadTracker.mode(from: late, to: early) == .unknown)
  }
}
