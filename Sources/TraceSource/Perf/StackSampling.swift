package import TraceModel

/// What is sampled, and how much of it: which sources see every syscall that lasts longer than a threshold.
package struct StackSampling: Sendable, Equatable {
  /// The sources of samples in the order of their rings; the first one's events tell of mappings and names too.
  package var sources: [StackSampleSource]
  /// The period of `task-clock`, ns of CPU time.
  package var clockPeriod: UInt64
  /// The number of bytes of user stack that a sample copies, a multiple of 8 up to `largestStack`.
  package var stackBytes: Int
  /// The most addresses of a sample's kernel call chain; 0: none.
  package var kernelFrames: Int
  /// Whether the kernel follows user stacks along frame pointers, instead of copying them.
  package var followsFramePointers: Bool
  /// Whether samples have what a perf.data file needs of them besides.
  package var isRecorded = false

  /// The part of the threshold that the clock's period is: a timer that is held up (interrupts off, the host of a virtual CPU)
  /// has the rest of it to spare.
  package static let periodShare = (numerator: UInt64(9), denominator: UInt64(10))
  /// The smallest threshold at which the clock is used, ns. Below it the clock would cost the target more than sampling each
  /// return from a syscall, and the kernel does not run it faster than every 10 µs.
  package static let smallestClockedThreshold: UInt64 = 50_000
  /// The longest period of the clock, ns. Up to about here a longer period makes each context switch cheaper, as the timer that
  /// is stopped and started with the thread is less often the CPU's next; beyond, it would only tell less of what a long syscall
  /// does.
  package static let longestPeriod: UInt64 = 10_000_000
  /// The most bytes of user stack that a sample copies. A record's length is a u16: the kernel asks for a multiple of 8 below
  /// 65535, and shortens the dump further where registers and call chain need the room; `StackSample.dumpSize` is what is left.
  package static let largestStack = 65_528

  /// The most frames of a call chain: the kernel refuses more than kernel.perf_event_max_stack, 127.
  package static let mostFrames = 127

  /// A sampling that sees every syscall that lasts longer than `threshold`, ns; nil or 0: every syscall. `stackBytes`: 0 for no
  /// user stack.
  package init(
    threshold: UInt64?, stackBytes: Int = 8192, kernelFrames: Int = 64, followsFramePointers: Bool = false
  ) {
    let threshold = threshold ?? 0
    let isClocked = threshold >= Self.smallestClockedThreshold
    sources = [.switchOut, isClocked ? .clock : .syscallExit]
    let share = threshold / Self.periodShare.denominator * Self.periodShare.numerator
    clockPeriod = min(max(share, 10_000), Self.longestPeriod)
    self.stackBytes = followsFramePointers ? 0 : min(max(stackBytes, 0), Self.largestStack) & ~7
    self.kernelFrames = min(max(kernelFrames, 0), Self.mostFrames)
    self.followsFramePointers = followsFramePointers
  }

  /// The number of bytes that a sample's user part takes in a store.
  package var userBytes: Int { followsFramePointers ? Self.mostFrames * 8 : stackBytes }
}
