internal import TraceModel

/// Something that the scheduler or an interrupt did on a CPU, and the way back to what was before it.
///
/// The links are distances: how many records before this one the other is. 0 stands for none.
struct HistoryRecord: BitwiseCopyable {
  enum Kind: UInt8, BitwiseCopyable {
    /// `task` gave up the CPU with `state`, and `other` got it.
    case contextSwitch
    /// `task` became runnable by `other`.
    case wake
    /// An interrupt began on the CPU.
    case interruptBegin
    /// An interrupt ended on the CPU.
    case interruptEnd
    /// What the CPU did before this is not known.
    case gap
  }

  var time: UInt64
  var kind: Kind
  /// The context of a wake-up; `isTold` says whether it is known.
  var context = Waker.Context.task
  /// Whether it is known who woke the task.
  var isTold = false
  var cpu: UInt16
  var task: Int32 = 0
  var other: Int32 = 0
  /// The state bits of the task that gave up its CPU.
  var state: Int32 = 0
  var previousOfTask: UInt32 = 0
  var previousOfOther: UInt32 = 0
  var previousOnCPU: UInt32 = 0
}

/// Who had a CPU for a stretch of time.
package struct CPUHolding: Sendable, Equatable, BitwiseCopyable {
  package enum Holder: UInt8, Sendable, BitwiseCopyable {
    case task
    case idle
    case interrupt
    case unknown
  }

  /// When it began, ns.
  package var start: UInt64
  package var end: UInt64
  package var holder: Holder
  /// The task that had the CPU; 0 for the others.
  package var tid: Int32

  package var length: UInt64 { end &- start }
}

/// What a task of a critical path did for a stretch of time.
package struct PathPiece: Sendable, Equatable, BitwiseCopyable {
  package enum Doing: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case running
    case ready
    case blocked
    case stopped
    case unknown
  }

  /// What is known of the end of a blocked piece.
  package enum End: UInt8, Sendable, BitwiseCopyable {
    case none
    /// An interrupt woke the task: a timer, a disk, a packet.
    case interrupt
    /// Another task woke it, which is not followed any further.
    case task
  }

  /// When it began, ns.
  package var start: UInt64
  package var end: UInt64
  package var tid: Int32
  package var doing: Doing
  package var wokenBy = End.none
  /// Whether the wait can be interrupted by a signal.
  package var isInterruptible = false
  /// The CPU that the task ran on or waited for.
  package var cpu: UInt16 = 0
  /// How many sleepers are between the path's end and this task: 0 for the task that was asked for.
  package var depth: UInt8 = 0

  package var length: UInt64 { end &- start }
}
