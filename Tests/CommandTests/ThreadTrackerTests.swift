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
      (5, 1, 0, false, ThreadObservation.Mode.user), (5, 1, 9, false, .user), (0, 5, 0, false, .syscall),
      (0, 5, 1, false, .unknown), (2, 5, 1, false, .unknown), (0, 0, 0, false, .unknown), (3, 3, 0, false, .unknown),
      (5, 1, 0, true, .unknown), (5, 0, 0, true, .user), (0, 5, 0, true, .unknown),
    ] as [(UInt64, UInt64, UInt64, Bool, ThreadObservation.Mode)])
  func clockTicksTellTheModeOfAThreadThatCrossesNothing(
    _ user: UInt64, _ kernel: UInt64, _ faults: UInt64, _ isGated: Bool, _ expected: ThreadObservation.Mode
  ) {
    let before = glance(user: 40, kernel: 30, faults: 20)
    let now = glance(user: 40 + user, kernel: 30 + kernel, faults: 20 + faults)
    #expect(ThreadTracker.mode(from: before, to: now, isGated: isGated) == expected)
  }
}
