internal import TraceModel

/// What a thread is doing as far as the scheduler is concerned.
enum Scheduling: UInt8, BitwiseCopyable {
  /// Nothing seen yet, or lost track of.
  case unknown
  /// Announced by its parent, not yet runnable.
  case unborn
  case running
  case ready
  case interruptible
  case uninterruptible
  case stopped
  case dead
}

/// Which side of the syscall boundary a thread is on.
enum Mode: UInt8, BitwiseCopyable {
  case unknown
  case user
  case syscall
}

/// A hard interrupt's handler that has begun.
struct HardIRQFrame: BitwiseCopyable {
  var irq: Int32 = 0
  var name: NameID = 0
  /// When the handler began, ns; 0 where that was outside the window.
  var start: UInt64 = 0
}

/// Everything known of one thread: where it is, since when, and what it has added up to in this window.
///
/// Starts of intervals are 0 where the interval may not be counted: begun outside the window or across a gap.
struct ThreadRecord: BitwiseCopyable {
  // Fields that every syscall changes come first: they share a few cache lines.

  let tid: Int32
  let pid: Int32
  /// The number of the thread's process.
  var process: Int32
  var name: NameID
  /// The special numbers of the thread's process.
  var numbers: SpecialNumbers

  // Where it is.
  var scheduling = Scheduling.unknown
  var mode = Mode.unknown
  /// Whether, while `scheduling` is `.unknown`, the first event from now on tells what the thread has been doing since `since`,
  /// because nothing is missing in between.
  var isDeducible = true
  /// Whether the kernel's pid filter does not hold this tid any more: only a re-armed filter makes its events complete again.
  var isUnfiltered = false
  /// Whether the kernel made the thread for itself, as io_uring's workers: it never leaves the kernel.
  var isWorker = false
  /// Whether the thread has faulted in its own code, and nothing has shown since that it is not in the fault any more.
  var isInFault = false
  /// The number of kernel activities that are open.
  var activityDepth: UInt8 = 0
  var cpu: UInt16 = 0
  var hardDepth = 0
  var softDepth = 0

  // Since when.
  /// The time up to which the thread's life is accounted for, ns.
  var since: UInt64
  var syscallStart: UInt64 = 0
  /// When the syscall that a probe makes began.
  var probeStart: UInt64 = 0
  var syscallNumber: Int32 = 0
  /// The second argument of the syscall; what it is a futex call for, with flags.
  var callArgument: Int32 = -1
  /// When the syscall began that the thread is in, ns, also where that was before the window, or the earliest time at which it is
  /// known to have been in it (`callBeganEarlier`); 0 outside of syscalls, and where nothing tells which it is.
  var callStart: UInt64 = 0
  var callBeganEarlier = false
  /// The thread's waits in the current syscall, where syscalls are reported one by one.
  var waits = WaitPool.Chain()
  var lastPollEnd: UInt64 = 0
  /// The time on a CPU, ns, whose mode the next syscall event will tell; part of no state yet.
  var undecided: UInt64 = 0

  // What it added up to.
  var accounting = Accounting()
  /// How much of each state has been charged to reasons.
  var charged = Accounting()
  var recentSyscalls = RecentSyscalls()

  // What a switch changes.
  var runStart: UInt64 = 0
  var readyStart: UInt64 = 0
  /// Who is waking the thread: told a little before the wake-up, and at times before the thread has been switched out.
  var waker: Waker?
  /// The thread's intervals that are counted in this window; those that a switch changes come first.
  var statistics = ThreadStatistics()

  // What seldom changes.
  var stopStart: UInt64 = 0
  var softStart: UInt64 = 0
  var softVector: Int32 = 0
  var hardFrames = InlineArray<4, HardIRQFrame>(repeating: HardIRQFrame())
  /// The number of open intervals that were given up, for want of an event that ends them.
  var discarded: UInt64 = 0
  var context = WaitContext()

  init(
    tid: Int32, pid: Int32, process: Int32, numbers: SpecialNumbers, name: NameID, at time: UInt64
  ) {
    self.tid = tid
    self.pid = pid
    self.process = process
    self.numbers = numbers
    self.name = name
    since = time
  }

  /// The thread's mode where no event has told of one.
  private var untoldMode: Mode { isWorker ? .syscall : .unknown }

  /// Says whether the kernel made the thread for itself.
  mutating func setWorker(_ isWorker: Bool) {
    self.isWorker = isWorker
    mode = untoldMode
  }

  /// Whether the thread runs its own code, and nothing is open but its run.
  @inline(__always)
  var isBetweenSyscalls: Bool {
    scheduling == .running && mode == .user && hardDepth | softDepth == 0 && undecided | probeStart == 0
      && waits.isEmpty && !isInFault && activityDepth == 0
  }

  var isAlive: Bool { scheduling != .dead && scheduling != .unborn }

  /// Accounts for the time up to `time` in the state that the thread has been in since `since`.
  @inline(__always)
  mutating func charge(upTo time: UInt64) {
    guard time > since else { return }
    let length = time &- since
    since = time
    if scheduling == .running { chargeRunning(length) } else { chargeWaiting(length) }
  }

  @inline(__always)
  private mutating func chargeRunning(_ length: UInt64) {
    if hardDepth | softDepth != 0 {
      accounting[hardDepth != 0 ? .hardIRQ : .softIRQ] &+= length
    } else if mode == .unknown {
      undecided &+= length
    } else {
      accounting[mode == .user ? .user : .syscall] &+= length
    }
  }

  private mutating func chargeWaiting(_ length: UInt64) {
    switch scheduling {
    case .ready: accounting[.ready] &+= length
    case .interruptible: accounting[.blockedInterruptible] &+= length
    case .uninterruptible: accounting[.blockedUninterruptible] &+= length
    case .stopped: accounting[.stopped] &+= length
    case .unknown: accounting[.unknown] &+= length
    case .running, .dead, .unborn: break
    }
  }

  /// Learns which mode the undecided time was spent in.
  @inline(__always)
  mutating func decideMode(was mode: Mode) {
    guard undecided != 0 else { return }
    accounting[mode == .user ? .user : mode == .syscall ? .syscall : .unknown] &+= undecided
    undecided = 0
  }

  /// The thread shows that it is on a CPU at `time`, by an event that only a running task records.
  @inline(__always)
  mutating func isSeenRunning(at time: UInt64, cpu: UInt16) {
    if scheduling != .running { becomeRunningUnannounced(at: time) }
    self.cpu = cpu
  }

  private mutating func becomeRunningUnannounced(at time: UInt64) {
    if isUnfiltered, scheduling == .unknown { return charge(upTo: time) }
    switch scheduling {
    case .unknown where isDeducible:
      scheduling = .running  // no switch was missed, so it has been running all along
    case .unborn, .dead:
      since = max(since, time)
    default:
      // Its switch-in is missing: from its last known state on, anything can have happened, and this run has no beginning.
      if scheduling != .unknown { discarded += 1 }
      scheduling = .unknown
      charge(upTo: time)
      discard(\.readyStart)
      discard(\.stopStart)
    }
    scheduling = .running
  }

  /// Starts a new window at `time`: nothing counted so far, and nothing that is open now counts.
  mutating func startWindow(at time: UInt64) {
    since = time
    runStart = 0
    readyStart = 0
    stopStart = 0
    softStart = 0
    syscallStart = 0
    probeStart = 0
    waits = WaitPool.Chain()
    lastPollEnd = 0
    for depth in 0..<hardFrames.count { hardFrames[depth].start = 0 }
    discarded = 0
    accounting = Accounting()
    charged = Accounting()
    context.startWindow()
    undecided = 0
    statistics = ThreadStatistics()
    recentSyscalls = RecentSyscalls()
  }

  /// Nobody knows which side of the syscall boundary it is on, or whether inside an interrupt.
  mutating func forgetMode() {
    mode = untoldMode
    callStart = 0
    isInFault = false
    activityDepth = 0
    hardDepth = 0
    softDepth = 0
  }

  /// Gives up an interval that may be open.
  mutating func discard(_ start: WritableKeyPath<ThreadRecord, UInt64>) {
    if self[keyPath: start] != 0 { discarded += 1 }
    self[keyPath: start] = 0
  }

  /// Loses track of the thread at `time`: its time is unknown from there on, and what was open is given up.
  mutating func abandon(at time: UInt64) {
    charge(upTo: time)
    decideMode(was: .unknown)
    for start in [runStart, readyStart, stopStart, softStart, syscallStart, probeStart] where start != 0 {
      discarded += 1
    }
    for depth in 0..<min(hardDepth, hardFrames.count) where hardFrames[depth].start != 0 { discarded += 1 }
    runStart = 0
    readyStart = 0
    stopStart = 0
    softStart = 0
    syscallStart = 0
    probeStart = 0
    lastPollEnd = 0
    callStart = 0
    isInFault = false
    activityDepth = 0
    hardDepth = 0
    softDepth = 0
    scheduling = .unknown
    mode = untoldMode
    isDeducible = false
  }

  /// Notes that the thread's events are complete again from `time`, ns, on: the next one tells what it has been doing since.
  mutating func resumeDeduction(at time: UInt64) {
    guard scheduling == .unknown, !isDeducible else { return }
    charge(upTo: time)
    isDeducible = true
  }
}
