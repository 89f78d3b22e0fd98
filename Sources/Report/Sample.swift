package import Aggregator
package import TraceModel

/// A point in time on the wall, for the report's head lines.
package struct WallTime: Sendable, Equatable {
  /// Seconds since 1970, UTC.
  package var seconds: Int
  package var microseconds: Int

  package init(seconds: Int, microseconds: Int) {
    self.seconds = seconds
    self.microseconds = microseconds
  }
}

/// One sample as a renderer gets it: everything the report says, and nothing that has to be looked up.
package struct Sample: Sendable {
  package var targetPID: Int32
  package var targetName: String
  /// From 1.
  package var index: Int
  package var snapshot: Snapshot { didSet { threadNames = Self.threadNames(snapshot) } }
  package var loss: Loss
  package var names: NameTable
  package var started: WallTime
  package var stopped: WallTime
  package var dumped: WallTime
  /// What opened the window, as the operator wrote it; nil where that was no trigger.
  package var startTrigger: String?
  /// What closed the window; nil where that was no trigger.
  package var stopTrigger: String?
  /// Whether one thread's stop trigger may have stopped the recording of what another's start trigger had opened.
  package var gatingIsUncertain = false
  /// The program, a 64-bit one, has made 32-bit calls too: the name of any number may be another call's.
  package var namesAreUncertain = false
  /// ns that recording a syscall adds to a thread's user time, an estimate; nil where it could not be measured.
  package var recordingCost: UInt64?
  /// nil where upcalls are not counted.
  package var upcalls: UpcallStatistics?
  /// Of the slow syscalls.
  package var stacks = SyscallStacks()
  /// Of the target's threads, by tid; of a reused tid, the earlier one's.
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

  /// Threads by name, then tid; of a reused tid, the earlier first.
  var threads: [ThreadSnapshot] {
    snapshot.threads.enumerated().sorted { left, right in
      let leftName = names[left.element.name]
      let rightName = names[right.element.name]
      if leftName != rightName { return leftName < rightName }
      if left.element.tid != right.element.tid { return left.element.tid < right.element.tid }
      return left.offset < right.offset
    }.map(\.element)
  }
}

/// A report format.
package protocol Renderer: Sendable {
  /// The text of one sample, ending in a line end, in pieces: there may be a million syscalls, each with its stack.
  func render(_ sample: Sample, _ write: (String) -> Void)
  /// What is said of a sample that is too short to be reported; empty or ending in a line end.
  func renderSkipped(_ sample: Sample) -> String
}

extension Renderer {
  /// The whole text of one sample.
  package func render(_ sample: Sample) -> String {
    var text = ""
    render(sample) { text += $0 }
    return text
  }
}

/// Collects lines into pieces of a size that is worth a write.
struct LinePieces: ~Copyable {
  private static let size = 1 << 16

  private var piece = ""

  mutating func add(_ line: String, _ write: (String) -> Void) {
    piece += line
    piece += "\n"
    if piece.utf8.count >= Self.size { flush(write) }
  }

  mutating func flush(_ write: (String) -> Void) {
    if !piece.isEmpty { write(piece) }
    piece = ""
  }
}

extension Sample {
  /// Whether slow syscall number `index` may be another one than its name says: its program makes 32-bit syscalls too, and no
  /// instruction was seen.
  func isNameUncertain(ofEvent index: Int) -> Bool {
    namesAreUncertain && snapshot.syscallEvents[index].abi.compat != nil && !stacks.confirmsName(ofEvent: index)
  }
}

extension SyscallSnapshot {
  /// Its name; with a question mark where it may be another one, see `Sample.namesAreUncertain`.
  func name(isUncertain: Bool) -> String {
    SyscallNames.name(number, abi: abi) + (isUncertain && abi.compat != nil ? "?" : "")
  }
}

extension ThreadSnapshot {
  /// What recording cost the thread, a part of its user time, ns; an estimate. `cost`: of a syscall.
  func recordingTime(_ cost: UInt64?) -> UInt64? {
    let calls = syscalls.reduce(probes.count) { $0 + $1.durations.count }
    return cost.map { min($0 * calls, accounting[.user]) }
  }

  /// By total time, longest first.
  var syscallsByTotal: [SyscallSnapshot] {
    syscalls.sorted {
      ($1.durations.total, $0.abi.rawValue, $0.number) < ($0.durations.total, $1.abi.rawValue, $1.number)
    }
  }
}

extension [IRQSnapshot] {
  var byTotal: [IRQSnapshot] {
    sorted { ($1.durations.total, $0.number) < ($0.durations.total, $1.number) }
  }
}

extension IRQSnapshot {
  /// The kernel's names of the soft interrupt vectors (include/linux/interrupt.h), as kernel_delay.py writes them.
  static let vectorNames = [
    "hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer", "rcu",
  ]

  var vectorName: String {
    Self.vectorNames.indices.contains(Int(number)) ? Self.vectorNames[Int(number)] : "vector_\(number)"
  }
}
