package import Aggregator
package import TraceModel

/// Why a thread did not run its own code for some of a window's time, ns. The causes of a state add up to the state.
package struct Cause: Sendable, Equatable {
  /// What kept the thread.
  package enum Kind: String, Sendable, CaseIterable {
    // Why a runnable thread had no CPU.

    /// A task of another process had the CPU.
    case task
    /// A thread of the same process had the CPU.
    case ownProcess = "own_process"
    /// Interrupts had the CPU.
    case interrupt
    /// A quota of CPU time was used up.
    case throttled
    /// A freezer held the thread: a control group's, or that of a machine that suspends.
    case frozen
    /// The CPU had nothing else to do, and had not switched to the thread yet.
    case idleCPU = "idle_cpu"

    // What a blocked thread waited for.

    case timer, disk, pipe, socket, futex, child, device, memory
    case pageFault = "page_fault"
    case kernelLock = "kernel_lock"
    case fileLock = "file_lock"
    /// An event loop waited for work.
    case idle
    /// Something that the tool knows, and that is none of the others.
    case other

    // What a thread did on a CPU in the kernel.

    /// The syscall itself.
    case syscall
    /// Freeing memory before some could be had.
    case reclaim
    /// Moving memory together.
    case compaction
    /// Spinning for a lock of the kernel.
    case spin

    // Why a thread was stopped.

    /// A signal stopped the thread.
    case signal
    /// A tracer stopped the thread.
    case tracer

    /// No event tells.
    case unknown
  }

  /// A task that is part of a cause.
  package struct Task: Sendable, Equatable, Hashable {
    /// The task's process; 0 where that is not known.
    package var pid: Int32
    package var tid: Int32
    /// The task's name; empty where that is not known.
    package var name: String
    /// Whether the task is this tool itself.
    package var isTool = false

    package init(pid: Int32 = 0, tid: Int32, name: String, isTool: Bool = false) {
      self.pid = pid
      self.tid = tid
      self.name = name
      self.isTool = isTool
    }
  }

  /// What the last task of the chain of those that waited for each other did meanwhile.
  package struct PathEnd: Sendable, Equatable, Hashable {
    /// The last task of the chain: `by` itself where that waited for nobody else.
    package var task: Task
    package var doing: PathPiece.Doing
    /// How many tasks the chain has: 1 where it is `by` alone.
    package var length: Int

    package init(task: Task, doing: PathPiece.Doing, length: Int) {
      self.task = task
      self.doing = doing
      self.length = length
    }
  }

  package var state: AccountingState
  package var kind: Kind
  /// Who had the CPU, or who ended the wait; nil where that was nobody, or is not known.
  package var by: Task?
  /// What `by` did meanwhile; nil for states other than the blocked ones, and where nothing tells.
  package var path: PathEnd?
  /// The name of the syscall in which the thread was; nil outside of syscalls, and where that is not known.
  package var syscall: String?
  /// Where it happened: the kernel's function, the interrupt's name, the file of a page fault. Nil where nothing tells.
  package var place: String?
  /// How many intervals there were.
  package var count: UInt64
  /// The time in all, ns.
  package var total: UInt64
  /// The longest interval, ns.
  package var longest: UInt64

  package init(
    _ state: AccountingState, _ kind: Kind, by: Task? = nil, path: PathEnd? = nil, syscall: String? = nil,
    place: String? = nil, count: UInt64, total: UInt64, longest: UInt64
  ) {
    self.state = state
    self.kind = kind
    self.by = by
    self.path = path
    self.syscall = syscall
    self.place = place
    self.count = count
    self.total = total
    self.longest = longest
  }
}

/// A syscall, or a page fault, that has not ended when the window closes.
package struct InProgress: Sendable, Equatable {
  /// The syscall's number; -1 for a page fault, and where nothing tells.
  package var number: Int32
  package var abi: SyscallABI
  /// Whether it is a page fault.
  package var isPageFault = false
  /// When it began, ns: where nothing tells, the earliest time at which the thread is known to have been in it.
  package var entry: UInt64
  /// Whether it began before `entry`.
  package var beganEarlier = false
  /// What the thread was doing when the window closed.
  package var state: AccountingState
  /// The stacks of it, as for a slow syscall; nil where there are none.
  package var userStack: StackNumber?
  package var userStackEnd = UserStackEnd.notSampled
  package var kernelStack: StackNumber?

  package init(
    number: Int32, abi: SyscallABI, entry: UInt64, beganEarlier: Bool = false, state: AccountingState
  ) {
    self.number = number
    self.abi = abi
    self.entry = entry
    self.beganEarlier = beganEarlier
    self.state = state
  }
}

/// The page faults of one thread in one window.
package struct PageFaults: Sendable, Equatable {
  /// The number of faults in the thread's own code; nil where they are not recorded.
  package var count: UInt64?
  /// The number of faults that had to wait for a disk, by the kernel's count; nil where nothing tells.
  package var major: UInt64?
  /// How long the thread was off its CPU in faults, ns. No event tells when a fault ends: what it computes is in user time.
  package var total: UInt64 = 0
  package var longest: UInt64 = 0

  package init() {}
}

/// A stretch of a critical path: what a task did that the thread at the path's end depended on.
package struct PathSegment: Sendable, Equatable {
  package var start: UInt64
  package var end: UInt64
  package var task: Cause.Task
  /// What the task did; nil where it was on a CPU, of which nothing tells in what mode.
  package var state: AccountingState?
  package var kind: Cause.Kind?

  package init(start: UInt64, end: UInt64, task: Cause.Task, state: AccountingState?, kind: Cause.Kind? = nil) {
    self.start = start
    self.end = end
    self.task = task
    self.state = state
    self.kind = kind
  }
}

/// What the causes of one thread are, and what it was still doing.
package struct ThreadCauses: Sendable, Equatable {
  /// The causes, the longest first. They have no place for user time, nor for the unknown state.
  package var causes: [Cause] = []
  /// The syscall or page fault that has not ended; nil for none.
  package var inProgress: InProgress?
  package var pageFaults = PageFaults()

  package init() {}
}

/// What the machine did in a window, besides the target.
package struct MachineObservation: Sendable, Equatable {
  /// Whether scheduling and interrupts of the whole machine were recorded (`--blame`).
  package var isRecorded = false
  /// How long each CPU had nothing to do, ns; empty where nothing tells.
  package var idleTime: [Int: UInt64] = [:]
  /// How long each CPU's tasks are not known, ns.
  package var unknownTime: [Int: UInt64] = [:]
  /// Pressure stall time in the window, ns, by resource ("cpu", "io", "memory"), of some tasks; empty where nothing tells.
  package var pressure: [String: UInt64] = [:]
  /// What control groups did to each process, by pid; a process that is not here could not be looked at.
  package var limits: [Int32: ProcessLimits] = [:]
  /// What `--blame` asks for and this kernel or machine does not have; a sentence each.
  package var missing: [String] = []

  package init() {}

  /// What control groups did to one process in a window.
  package struct ProcessLimits: Sendable, Equatable {
    /// The path of the group with a quota of CPU time, or of the process's own where none has.
    package var path: String
    /// Whether a quota of CPU time was in force.
    package var hasQuota: Bool
    /// How long groups with a quota were throttled in the window, ns, summed up over CPUs.
    package var throttledTime: UInt64
    /// Whether a look found that a freezer held the process.
    package var wasFrozen: Bool

    package init(path: String, hasQuota: Bool = false, throttledTime: UInt64 = 0, wasFrozen: Bool = false) {
      self.path = path
      self.hasQuota = hasQuota
      self.throttledTime = throttledTime
      self.wasFrozen = wasFrozen
    }
  }
}
