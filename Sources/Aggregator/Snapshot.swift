package import TraceModel

/// Everything one window showed. Plain values, complete when made.
package struct Snapshot: Sendable, Equatable {
  /// When the window began, CLOCK_MONOTONIC, ns; the window is start ≤ t < stop.
  package var start: UInt64
  package var stop: UInt64
  /// The processes of the target that lived in the window, in the order in which they became known. A pid can be
  /// there twice.
  package var processes: [ProcessSnapshot]
  package var threads: [ThreadSnapshot]
  /// The number of intervals that were open when track of them was lost.
  package var discardedIntervals: UInt64
  /// The number of events that were read, those of other tasks and gaps' edges included.
  package var eventsRead: UInt64
  /// The numbers of events that the kernel overwrote, by CPU.
  package var lostEvents: [Int: UInt64]
  /// How long events of some CPU were missing, ns. Lost events are counted where a gap begins; it may reach into the windows
  /// after that.
  package var missingTime: UInt64
  /// The number of triggers that were missed since the window before this was closed.
  package var missedTriggers: UInt64
  /// Open vSwitch's upcalls in the window, by result and CPU.
  package var upcalls: [UpcallCount]
  /// The syscalls that are reported one by one, in the order of their ends; without those that were taken before.
  package var slowSyscalls: [EndedSyscall]
  /// The number of syscalls that were to be reported one by one, and were too many.
  package var syscallEventsLeftOut: UInt64
  /// The number of direct child processes of the target that lived at some time of the window.
  package var childrenNotWatched: Int

  package init(
    start: UInt64, stop: UInt64, processes: [ProcessSnapshot] = [], threads: [ThreadSnapshot],
    discardedIntervals: UInt64, eventsRead: UInt64, lostEvents: [Int: UInt64], missingTime: UInt64 = 0,
    missedTriggers: UInt64 = 0, upcalls: [UpcallCount] = [],
    slowSyscalls: [EndedSyscall] = [], syscallEventsLeftOut: UInt64 = 0,
    childrenNotWatched: Int = 0
  ) {
    self.start = start
    self.stop = stop
    self.processes = processes
    self.threads = threads
    self.discardedIntervals = discardedIntervals
    self.eventsRead = eventsRead
    self.lostEvents = lostEvents
    self.missingTime = missingTime
    self.missedTriggers = missedTriggers
    self.upcalls = upcalls
    self.slowSyscalls = slowSyscalls
    self.syscallEventsLeftOut = syscallEventsLeftOut
    self.childrenNotWatched = childrenNotWatched
  }
}

/// One process of the target that lived in one window.
package struct ProcessSnapshot: Sendable, Equatable {
  package var pid: Int32
  /// The name of the process's first thread.
  package var name: NameID
  /// The numbering of the process's syscalls, when the window closed.
  package var abi: SyscallABI
  /// Whether the process ended before the window closed.
  package var hasEnded: Bool

  package init(pid: Int32, name: NameID, abi: SyscallABI = .native, hasEnded: Bool = false) {
    self.pid = pid
    self.name = name
    self.abi = abi
    self.hasEnded = hasEnded
  }
}

/// One thread inside one window; durations in ns. Its intervals can be had by their names alone: `thread.run`.
@dynamicMemberLookup
package struct ThreadSnapshot: Sendable, Equatable {
  package var tid: Int32
  package var name: NameID
  /// The id of the thread's process.
  package var pid: Int32
  /// The place of the thread's process in `Snapshot.processes`.
  package var process: Int
  package var syscalls: [SyscallSnapshot] = []
  package var statistics = ThreadStatistics()
  package var hardIRQs: [IRQSnapshot] = []
  package var softIRQs: [IRQSnapshot] = []
  package var accounting = Accounting()
  /// Why the thread was in its states.
  package var charges: [Charge] = []
  /// The syscall or page fault that had not ended when the window closed; nil for none.
  package var openCall: OpenCall?
  /// The number of page faults in the thread's own code; nil where they are not recorded.
  package var pageFaults: UInt64?

  package subscript(dynamicMember member: WritableKeyPath<ThreadStatistics, IntervalStatistic>) -> IntervalStatistic {
    get { statistics[keyPath: member] }
    set { statistics[keyPath: member] = newValue }
  }

  package init(tid: Int32, name: NameID, pid: Int32 = 0, process: Int = 0) {
    self.pid = pid
    self.process = process
    self.tid = tid
    self.name = name
  }
}

/// One syscall of one thread.
package struct SyscallSnapshot: Sendable, Equatable {
  package var number: Int32
  package var abi: SyscallABI
  package var durations: IntervalStatistic
  /// The number of calls that returned -1…-4095, interrupted ones included.
  package var errors: UInt64
  /// The median of the calls' durations, ns; at most 1/32 above the true value.
  package var p50: UInt64
  package var p90: UInt64
  package var p99: UInt64
}

/// One interrupt source as it landed on one thread.
package struct IRQSnapshot: Sendable, Equatable {
  /// The number of a hard interrupt, or the vector of a soft one.
  package var number: Int32
  /// The name of a hard interrupt's handler; empty for a soft interrupt.
  package var name: NameID
  package var durations: IntervalStatistic
}
