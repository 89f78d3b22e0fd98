internal import TraceModel

/// `prev_state` of `sched_switch`, as its print format names the bits.
enum TaskState {
  static let interruptible: Int32 = 0x01  // S
  static let uninterruptible: Int32 = 0x02  // D
  static let stoppedOrTraced: Int32 = 0x0C  // T, t
  static let stopped: Int32 = 0x04
  static let traced: Int32 = 0x08
  static let dead: Int32 = 0x30  // X, Z
  /// A kernel thread that has no work: no signal ends its sleep, and yet it is not blocked (TASK_IDLE).
  static let idle: Int32 = 0x80  // I
  /// The bits that tell a state. Preemption is 0 (`R`) on some kernels and a bit above all states (`R+`) on others.
  static let reported: Int32 = 0xFF
}

// What each event does to the thread that it is about. After `charge`, `since` is the event's time, or later if the event
// came late: intervals begin and end at it, so that none is longer than the time that is accounted for. `isComplete` says that no CPU's events are missing at this time.
extension ThreadRecord {
  // MARK: Syscalls

  @inline(__always)
  mutating func enterSyscall(_ event: Event, isPoll: Bool) {
    guard scheduling != .dead else { return }
    isSeenRunning(at: event.timestamp, cpu: event.cpu)
    charge(upTo: event.timestamp)
    decideMode(was: .user)
    mode = .syscall
    probeStart = 0
    syscallStart = since
    syscallNumber = event.subject
    callArgument = Int32(truncatingIfNeeded: event.value)
    callStart = since
    callBeganEarlier = false
    isInFault = false
    if isPoll, lastPollEnd != 0 {
      statistics.longPoll.record(from: lastPollEnd, to: since)
      lastPollEnd = 0
    }
  }

  /// Returns when the syscall began; 0 where it is not to be counted.
  @inline(__always)
  mutating func exitSyscall(_ event: Event) -> UInt64 {
    guard scheduling != .dead else { return 0 }
    isSeenRunning(at: event.timestamp, cpu: event.cpu)
    charge(upTo: event.timestamp)
    decideMode(was: .syscall)
    mode = .user
    let start = syscallStart
    syscallStart = 0
    callStart = 0
    return start
  }

  // MARK: Syscalls of probes

  /// A probe's trampoline makes a syscall amid the thread's own code: time in it is user time, as a trap's would be.
  mutating func enterProbe(_ event: Event) {
    guard scheduling != .dead else { return }
    isSeenRunning(at: event.timestamp, cpu: event.cpu)
    charge(upTo: event.timestamp)
    decideMode(was: .user)
    mode = .user
    syscallStart = 0
    callStart = 0
    isInFault = false
    probeStart = since
  }

  mutating func exitProbe(_ event: Event) {
    guard scheduling != .dead else { return }
    isSeenRunning(at: event.timestamp, cpu: event.cpu)
    charge(upTo: event.timestamp)
    statistics.probes.record(from: probeStart, to: since)
    probeStart = 0
  }

  /// What looked like a probe's syscall was the thread's own.
  mutating func takeProbeForSyscall(_ number: Int32) {
    syscallStart = probeStart
    syscallNumber = number
    callStart = probeStart
    callBeganEarlier = false
    probeStart = 0
    mode = .syscall
  }

  // MARK: Scheduling

  mutating func switchOut(_ event: Event, isComplete: Bool) {
    isSeenRunning(at: event.timestamp, cpu: event.cpu)
    charge(upTo: event.timestamp)
    if runStart != 0 {
      statistics.run.record(from: runStart, to: since)
      runStart = 0
    }
    let state = event.detail & TaskState.reported
    context.leaveCPU(event.cpu, state: state)
    if state & TaskState.dead != 0 {
      decideMode(was: .unknown)
      scheduling = .dead
      return
    }
    // An unknown mode stays unknown: a thread sleeps outside of syscalls too, in a page fault, a freezer or on its way to a
    // signal's handler.
    // While events are missing, what wakes it, and where it runs then, may go unseen.
    guard isComplete, !isUnfiltered else { return abandon(at: since) }
    if state == 0 {
      scheduling = .ready
      readyStart = since
    } else if state & TaskState.stoppedOrTraced != 0 {
      scheduling = .stopped
      stopStart = since
    } else {
      scheduling = state & (TaskState.interruptible | TaskState.idle) != 0 ? .interruptible : .uninterruptible
    }
  }

  mutating func switchIn(_ event: Event) {
    let time = event.timestamp
    switch scheduling {
    case .ready:
      charge(upTo: time)
      if readyStart != 0 { statistics.ready.record(from: readyStart, to: since) }
    case .unknown where isDeducible:
      scheduling = .ready  // its wake-up was before anybody looked
      charge(upTo: time)
    case .running:
      scheduling = .unknown  // its switch-out is missing
      charge(upTo: time)
      discard(\.runStart)
    case .unborn:
      since = max(since, time)
    default:
      charge(upTo: time)  // blocked or stopped, and the wake-up not seen
      discard(\.stopStart)
    }
    readyStart = 0
    guard !isUnfiltered else { return }
    scheduling = .running
    cpu = event.cpu
    runStart = since
  }

  /// `cpu`: where the thread waits for its turn from now on.
  mutating func wake(at time: UInt64, cpu: Int32, isComplete: Bool) {
    switch scheduling {
    case .running, .ready, .dead:
      return  // it had not gone to sleep yet, or is awake already
    case .stopped:
      charge(upTo: time)
      if stopStart != 0 { statistics.stopped.record(from: stopStart, to: since) }
      stopStart = 0
    case .unborn:
      since = max(since, time)
    case .unknown, .interruptible, .uninterruptible:
      charge(upTo: time)  // from unknown: it was not running, but how it waited nobody saw
    }
    if isComplete, !isUnfiltered {
      scheduling = .ready
      readyStart = since
      context.cpu = UInt16(truncatingIfNeeded: cpu)
      context.hasCPU = true
    } else {
      scheduling = .unknown  // it may be running already on a CPU that is silent
      isDeducible = false
    }
  }

  /// The thread's life ends here. Of one whose mode nobody knows, nobody knows either whether it ends by a syscall that
  /// began before anybody looked, or by a signal amid its own code; `mode` says which where the caller does.
  mutating func end(_ event: Event, in mode: Mode = .unknown) {
    isSeenRunning(at: event.timestamp, cpu: event.cpu)
    charge(upTo: event.timestamp)
    decideMode(was: mode)
    if runStart != 0 { statistics.run.record(from: runStart, to: since) }
    scheduling = .dead
  }

  // MARK: Interrupts

  // Interrupts nest on the thread that they landed on: a hard one inside a soft one, never the other way round. With
  // PREEMPT_RT a thread can be switched out inside a soft interrupt, and takes its nesting with it.

  mutating func enterHardIRQ(_ event: Event) {
    isSeenRunning(at: event.timestamp, cpu: event.cpu)
    charge(upTo: event.timestamp)
    if hardDepth < hardFrames.count {
      hardFrames[hardDepth] = HardIRQFrame(
        irq: event.subject, name: NameID(event.detail), start: since)
    }
    hardDepth += 1
  }

  /// Returns the interrupt that ended; its start is 0 where it is not to be counted.
  mutating func exitHardIRQ(_ event: Event) -> HardIRQFrame {
    isSeenRunning(at: event.timestamp, cpu: event.cpu)
    charge(upTo: event.timestamp)
    guard hardDepth > 0 else { return HardIRQFrame() }
    hardDepth -= 1
    guard hardDepth < hardFrames.count else { return HardIRQFrame() }
    return hardFrames[hardDepth]
  }

  mutating func enterSoftIRQ(_ event: Event) {
    isSeenRunning(at: event.timestamp, cpu: event.cpu)
    charge(upTo: event.timestamp)
    softDepth = 1
    softStart = since
    softVector = event.subject
  }

  /// Returns when it began; 0 where it is not to be counted.
  mutating func exitSoftIRQ(_ event: Event) -> UInt64 {
    isSeenRunning(at: event.timestamp, cpu: event.cpu)
    charge(upTo: event.timestamp)
    softDepth = 0
    let start = softVector == event.subject ? softStart : 0
    softStart = 0
    return start
  }
}
