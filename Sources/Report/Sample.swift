package import Aggregator
package import TraceModel

/// The result of one window as a renderer gets it: everything that the report says, and nothing that has to be looked up.
package struct Sample: Sendable {
  /// The first target process.
  package var targetPID: Int32
  /// The name of the first target process.
  package var targetName: String
  /// The window's number, from 1.
  package var index: Int
  package var snapshot: Snapshot { didSet { threadNames = Self.threadNames(snapshot) } }
  /// What was missed in the window.
  package var loss: Loss
  /// The names that the snapshot refers to.
  package var names: NameTable
  /// When the window began.
  package var started: WallTime
  /// When the window ended.
  package var stopped: WallTime
  /// When the result was made.
  package var dumped: WallTime
  /// What opened the window, as the operator wrote it; nil where that was no trigger.
  package var startTrigger: String?
  /// What closed the window; nil where that was no trigger.
  package var stopTrigger: String?
  /// Whether one thread's stop trigger may have stopped the recording of what another's start trigger had opened.
  package var gatingIsUncertain = false
  /// Whether the program, a 64-bit one, has made 32-bit calls too: the name of any number may be another call's.
  package var namesAreUncertain = false
  /// ns that recording a syscall adds to a thread's user time, an estimate; nil where it could not be measured.
  package var recordingCost: UInt64?
  /// Open vSwitch's upcalls; nil where they are not counted.
  package var upcalls: UpcallStatistics?
  /// The stacks of the slow syscalls.
  package var stacks = SyscallStacks()
  /// The names of the target's threads by tid; of a tid that was used twice, the earlier thread's.
  private(set) var threadNames: [Int32: NameID]

  package init(
    targetPID: Int32, targetName: String, index: Int, snapshot: Snapshot, loss: Loss, names: NameTable,
    started: WallTime, stopped: WallTime, dumped: WallTime
  ) {
    self.targetPID = targetPID
    self.targetName = targetName
    self.index = index
    self.snapshot = snapshot
    self.loss = loss
    self.names = names
    self.started = started
    self.stopped = stopped
    self.dumped = dumped
    threadNames = Self.threadNames(snapshot)
  }

  private static func threadNames(_ snapshot: Snapshot) -> [Int32: NameID] {
    Dictionary(snapshot.threads.map { ($0.tid, $0.name) }) { first, _ in first }
  }
}
