package import Aggregator
package import TraceModel

/// What a session is asked for. Times are ns.
package struct SessionSettings: Sendable {
  /// A trigger as the session knows it: what the operator wrote, and whom it can happen to.
  package struct TriggerText: Sendable, Equatable {
    package var text: String
    /// Whether only the target can have caused it.
    package var isUserSpace: Bool

    package init(text: String, isUserSpace: Bool) {
      self.text = text
      self.isUserSpace = isUserSpace
    }
  }

  /// The processes that are the target when the session begins, as they are known before any event; the report goes by the first
  /// one's name. There is at least one.
  package var targets: [NamedProcess]
  /// Whether processes that the target makes are the target's too.
  package var followsChildren = false
  /// Whether the target is a command that has not replaced this program yet: without a start trigger, its exec opens the
  /// first window.
  package var isCommand = false
  /// What opens windows; nil: the time.
  package var startTrigger: TriggerText?
  /// What closes windows; nil: their length, or the target's end.
  package var stopTrigger: TriggerText?
  /// How long windows last that no trigger closes; nil: to the target's end.
  package var length: UInt64?
  /// The time between the end of a window and the beginning of the next.
  package var pause: UInt64 = 0
  /// How many windows are reported.
  package var count = 1
  /// Windows that a trigger closes earlier than this after their opening are not reported.
  package var shortest: UInt64 = 0
  /// What windows are made of; if there is any, neither triggers nor the time make windows of their own.
  package var conditions: [Condition] = []
  /// How long before such an interval its window begins.
  package var before: UInt64 = 0
  /// How long after such an interval, or after a stop trigger that looks back, its window ends.
  package var after: UInt64 = 0
  /// How long the windows are that a stop trigger closes and nothing has opened; nil where triggers do not look back.
  package var lookBack: UInt64?
  /// The most memory for events that a window may be made of, bytes.
  package var lookBackBytes = 64 << 20
  /// The syscalls that are reported one by one; nil for none.
  package var slowSyscalls: SyscallEventFilter?
  /// Which stacks these get; nil for none.
  package var stacks: StackSettings?
  /// Whether Open vSwitch's upcalls are counted.
  package var countsUpcalls = false
  /// Whether scheduling and interrupts of the whole machine are recorded, and what else every cause needs (`--blame`).
  package var recordsCauses = false
  /// What that asks for and this kernel or machine does not have; a sentence each.
  package var missingCauses: [String] = []
  /// What the recording lacks that is reported on, and what the report lacks for it; a sentence each.
  package var notRecorded: [String] = []
  /// The time that recording a syscall adds to its thread's user time, ns, an estimate; nil where it could not be measured.
  package var recordingCost: UInt64?
  /// The numbering of the syscalls of processes that the facts know no other one of: that of the machine's own programs.
  package var abi = SyscallABI.native

  package init(targets: [NamedProcess]) { self.targets = targets }

  /// The process by whose name the report goes.
  package var first: NamedProcess { targets.first ?? NamedProcess(pid: 0, name: "") }

  /// Whether windows are made of what has happened already.
  package var looksBack: Bool { !conditions.isEmpty || lookBack != nil }

  /// Whether data are recorded only once the start trigger has come.
  var isGated: Bool { startTrigger != nil && !looksBack }

  /// What opens windows.
  var opening: WindowPlan.Opening { looksBack ? .request : startTrigger == nil ? .time : .trigger }

  /// The stop trigger where one closes windows, else their length, else the end.
  var closing: WindowPlan.Closing {
    if looksBack { return .request }
    if stopTrigger != nil { return .trigger }
    return length.map { .after($0) } ?? .end
  }
}
