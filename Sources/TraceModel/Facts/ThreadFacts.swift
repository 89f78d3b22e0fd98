/// What the system says of one thread at one moment, besides the events.
package struct ThreadFacts: Sendable, Equatable {
  /// What the scheduler has it do.
  package enum State: Sendable {
    /// The thread is on a CPU or waits for one; nothing tells which.
    case runnable
    case interruptible
    case uninterruptible
    case stopped
    /// Nothing tells what the scheduler has the thread do.
    case unknown
  }

  package var tid: Int32
  /// The process that the thread belongs to.
  package var pid: Int32
  package var name: String
  package var state: State
  /// Whether the kernel made the thread for itself, as io_uring's workers: it never leaves the kernel.
  package var isWorker: Bool
  /// Whether the thread is inside a syscall; nil while it runs, and where nothing tells.
  package var isInSyscall: Bool?
  /// The number of the syscall that the thread is inside of; nil outside of one, while it runs, and where nothing tells.
  package var syscall: Int32?
  /// The low half of that syscall's second argument; nil where nothing tells.
  package var syscallArgument: Int32?
  /// The number of clock ticks in user mode so far.
  package var userTicks: UInt64
  /// The number of clock ticks in kernel mode so far.
  package var kernelTicks: UInt64
  /// The number of page faults so far.
  package var faults: UInt64
  /// The number of page faults that waited for a disk so far.
  package var majorFaults: UInt64
  /// The time on a CPU so far, ns; nil where the kernel does not count it.
  package var runTime: UInt64?

  /// The number of clock ticks in both modes so far.
  package var ticks: UInt64 { userTicks &+ kernelTicks }

  package init(
    tid: Int32, pid: Int32, name: String, state: State, isWorker: Bool = false, isInSyscall: Bool? = nil,
    userTicks: UInt64 = 0, kernelTicks: UInt64 = 0, faults: UInt64 = 0, majorFaults: UInt64 = 0,
    runTime: UInt64? = nil, syscall: Int32? = nil, syscallArgument: Int32? = nil
  ) {
    self.tid = tid
    self.pid = pid
    self.name = name
    self.state = state
    self.isWorker = isWorker
    self.isInSyscall = isInSyscall
    self.userTicks = userTicks
    self.kernelTicks = kernelTicks
    self.faults = faults
    self.majorFaults = majorFaults
    self.runTime = runTime
    self.syscall = syscall
    self.syscallArgument = syscallArgument
  }
}
