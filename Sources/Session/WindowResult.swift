package import Aggregator
package import TraceModel

/// Everything that one window showed, as a session returns it and a renderer gets it: nothing has to be looked up. Times are
/// CLOCK_MONOTONIC, ns, unless they are said to be others.
package struct WindowResult: Sendable {
  /// The pid of the target, or of the first of its processes.
  package var target: Int32
  /// The name of the target, or of the first of its processes.
  package var targetName: String
  /// The window's number, from 1.
  package var index: Int
  /// Whether a trigger closed the window earlier than the shortest one that is reported.
  package var isTooShort = false
  package var snapshot: Snapshot { didSet { threadNames = Self.threadNames(snapshot) } }
  /// What was missed in the window.
  package var loss: Loss
  /// The names that the snapshot refers to.
  package var names: NameTable
  /// The clocks when the result was made; nil where nothing relates the kernel's clock to one on the wall.
  package var clock: ClockPair?
  /// What opened the window, as the operator wrote it; nil where that was no trigger.
  package var startTrigger: String?
  /// What closed the window; nil where that was no trigger.
  package var stopTrigger: String?
  /// Whether one thread's stop trigger may have stopped the recording of what another's start trigger had opened.
  package var gatingIsUncertain = false
  /// The processes whose program, a 64-bit one, has made 32-bit calls too: the name of any number may be another call's.
  package var uncertainProcesses: Set<Int32> = []
  /// The time that recording a syscall adds to a thread's user time, ns, an estimate; nil where it could not be measured.
  package var recordingCost: UInt64?
  /// Open vSwitch's upcalls that the kernel's probe missed since the window before; nil where upcalls are not counted.
  package var missedUpcalls: UInt64?
  /// The syscalls that took longer than asked for, in the order of their ends.
  package var slowSyscalls: [SlowSyscall] = []
  /// The stacks of the window's slow syscalls; nil where stacks were not asked for.
  package var stacks: WindowStacks?
  /// The names of tasks that ended waits, by tid, as far as they are known.
  package var wakers: [Int32: String] = [:]
  /// The causes of each thread, in the order of `snapshot.threads`; empty where they were not looked for.
  package var causes: [ThreadCauses] = []
  /// What the most affected thread depended on: its parts are the window, without a gap. Empty where nothing is known of it.
  package var criticalPath: [PathSegment] = []
  /// What the machine did besides.
  package var machine = MachineObservation()
  /// The intervals for which the window was made; empty where no condition asked for it.
  package var occurrences: [Occurrence] = []
  /// The number of such intervals that there was no room for.
  package var occurrencesLeftOut: UInt64 = 0
  /// How much of the window's beginning was not kept any more when it was asked for, ns.
  package var overwritten: UInt64 = 0
  /// What was not recorded, and what the report lacks for it; a sentence each.
  package var notRecorded: [String] = []
  /// The names of the target's threads by tid; of a tid that was used twice, the earlier thread's.
  package private(set) var threadNames: [Int32: NameID]

  package init(
    target: Int32, targetName: String, index: Int, snapshot: Snapshot, loss: Loss, names: NameTable, clock: ClockPair?
  ) {
    self.target = target
    self.targetName = targetName
    self.index = index
    self.snapshot = snapshot
    self.loss = loss
    self.names = names
    self.clock = clock
    threadNames = Self.threadNames(snapshot)
  }

  private static func threadNames(_ snapshot: Snapshot) -> [Int32: NameID] {
    Dictionary(snapshot.threads.map { ($0.tid, $0.name) }) { first, _ in first }
  }
}
