package import TraceModel

/// Turns ordered events into per-thread statistics of one window after another.
///
/// It knows no clock and no file: time is what events and the window's edges say. Events must come in order of their
/// timestamps; one that comes late moves no time backwards. Tasks that are not threads of the target are ignored. The target is
/// a set of processes; see `Aggregator+Processes.swift`.
package struct Aggregator: ~Copyable {
  var threads = ThreadTable()
  var processes = ProcessTable()
  var syscalls = SyscallTable()
  var hardIRQs = IRQTable()
  var softIRQs = IRQTable()
  var upcalls = UpcallTable()
  var syscallEvents: SyscallEventList
  var waits = WaitPool()
  /// Processes that the target made; see `ChildProcesses`.
  package var children = ChildProcesses()
  /// When the window opened, ns.
  package internal(set) var windowStart: UInt64 = 0
  /// The CPUs whose events are missing at this point of the stream.
  var openGaps = OpenGaps()
  /// Since when events have been missing; the window's start where that was before, ns.
  var gapStart: UInt64 = 0
  /// How long events were missing in this window, ns.
  var missingTime: UInt64 = 0
  /// The number of events taken in in this window, those of other tasks included.
  var eventsRead: UInt64 = 0
  /// The numbers of events lost in this window, by CPU.
  var lostEvents: [Int: UInt64] = [:]
  /// Where calls return to that a return probe waits for.
  package internal(set) var returnAddresses = ReturnAddressTable()
  /// The number of triggers that were missed since the last window was closed.
  package var missedTriggers: UInt64 = 0
  var causes: CauseTracker

  /// The numbering of the syscalls of processes that are not told of any other one.
  let initialABI: SyscallABI
  /// Whether the processes that the target's threads make become processes of the target.
  package let followsChildren: Bool
  /// Whether a window is open: between windows nothing has to be kept of those that have ended.
  var isWindowOpen = false
  /// The number of threads that have ended and are still in the table.
  var deadThreads = 0
  /// The processes that have replaced their programs; see `takeExecs`.
  var execs: [Int32] = []
  var targetChanges: [TargetChange] = []
  /// How often processes of the target replaced their programs; `consume` stops when this changes.
  var execCount = 0
  /// How often events were lost so far, and are complete again; whoever lists threads looks again when this changes.
  package private(set) var gapCount = 0
  /// When events were complete again the last time, ns.
  private(set) var lastGapEnd: UInt64 = 0
  /// Threads that the kernel's pid filter does not hold, or not any more: until `refiltered`, their events are incomplete.
  var unfilteredTIDs: [Int32] = []
  /// A rename of a tid whose thread has ended: an exec is about to hand the tid to another thread, and names it first.
  var renamedDead: (tid: Int32, name: NameID)?
  /// The task whose exec opens the window: the window starts when it has replaced its program.
  var windowOpeningExec: Int32?

  /// `abi`: the numbering of processes until `setABI`. `syscallEvents`: the syscalls that are reported one by one; nil for
  /// none. `followsChildren`: whether processes that the target makes belong to it; otherwise they are counted alone. `causes`: what
  /// causes are learnt from.
  package init(
    abi: SyscallABI = .native, syscallEvents filter: SyscallEventFilter? = nil, followsChildren: Bool = false,
    causes scope: CauseScope = .target
  ) {
    causes = CauseTracker(scope)
    syscallEvents = SyscallEventList(filter)
    initialABI = abi
    self.followsChildren = followsChildren
  }

  /// Takes in a run of ordered events, and returns how many it took: all of them, or those up to one that it stops at. That is
  /// an exec of one of the target's processes, whose numbering may have changed (`takeExecs`), a trigger, which the window's
  /// edge comes right after, or what a window opens at (`openWindowAtExec`).
  package mutating func consume(_ events: UnsafeBufferPointer<Event>) -> (count: Int, stops: Bool) {
    let execs = execCount
    let wasWaiting = isWaitingForExec
    var position = 0
    var stops = false
    while position < events.count, !stops {
      let taken = consumeSyscalls(events, from: position)
      if taken > 0 {
        position += taken
        continue
      }
      let event = events[position]
      consume(event)
      position += 1
      // No event stops it that tells of the running task alone.
      stops =
        !event.kind.isLocal
        && (event.kind.isTrigger || execCount != execs || isWaitingForExec != wasWaiting)
    }
    eventsRead += UInt64(position)
    return (position, stops)
  }

  @inline(__always)
  private mutating func consume(_ event: Event) {
    switch event.kind {
    case .syscallEnter: syscallEnter(event)
    case .syscallExit: syscallExit(event)
    case .contextSwitch: contextSwitch(event)
    case .wakeup, .wakeupNew: wakeup(event)
    case .waking: waking(event)
    case .hardIRQEntry: hardIRQEntry(event)
    case .hardIRQExit: hardIRQExit(event)
    case .softIRQEntry: softIRQEntry(event)
    case .softIRQExit: softIRQExit(event)
    case .newTask: newTask(event)
    case .rename: rename(event)
    case .exit: exit(event)
    case .exec: exec(event)
    case .gapStart: gapStart(event)
    case .gapEnd: gapEnd(event)
    case .startTrigger, .stopTrigger, .startStopTrigger: trigger(event)
    case .lostTriggers: lostTriggers(event)
    case .upcall: upcalls.record(result: event.subject, cpu: event.cpu)
    case .returnAddress: returnAddress(event)
    case .kernelStack: kernelStack(event)
    case .pageFault: pageFault(event)
    case .activityBegin: activityBegin(event)
    case .activityEnd: activityEnd(event)
    case .diskRequest: break
    case .machineSwitch: machineSwitch(event)
    case .machineWaking: machineWaking(event)
    case .machineHardIRQEntry, .machineSoftIRQEntry: machineInterrupt(event, begins: true)
    case .machineHardIRQExit, .machineSoftIRQExit: machineInterrupt(event, begins: false)
    }
  }

  // MARK: Syscalls

  @inline(__always)
  private mutating func syscallEnter(_ event: Event) {
    let thread = threads.find(event.tid)
    guard thread >= 0 else { return }
    if threads.records[thread].numbers.isProbe(event.subject) {
      threads.records[thread].enterProbe(event)
    } else {
      threads.records[thread].enterSyscall(event, isPoll: event.subject == threads.records[thread].numbers.poll)
    }
    chargeUnendedSyscall(thread)
    waits.forget(&threads.records[thread].waits)
  }

  @inline(__always)
  private mutating func syscallExit(_ event: Event) {
    let position = threads.find(event.tid)
    guard position >= 0 else { return }
    if threads.records[position].probeStart != 0 {
      // A kernel whose probes make no such syscall says ENOSYS: the program did.
      guard event.value == -38 else { return threads.records[position].exitProbe(event) }
      threads.records[position].takeProbeForSyscall(event.subject)
    }
    let start = threads.records[position].exitSyscall(event)
    // Of a poll that began before the window its end is enough.
    let numbers = threads.records[position].numbers
    if event.subject == numbers.poll { threads.records[position].lastPollEnd = event.timestamp }
    guard start != 0 else { return chargeSyscall(position, number: event.subject, statistic: nil) }
    // The exit of rt_sigreturn says -1; its entry knew better. A number that changed on the way is somebody else's call.
    let number = threads.records[position].syscallNumber
    guard event.subject == number || event.subject == -1 else {
      return chargeSyscall(position, number: -1, statistic: nil)
    }
    let key = SyscallTable.key(thread: position, number: number) | numbers.key
    let statistic: Int
    if let recent = threads.records[position].recentSyscalls.position(of: key) {
      statistic = recent
    } else {
      statistic = syscalls.position(
        of: key, thread: Int32(truncatingIfNeeded: position), abi: numbers.abi, number: number)
      threads.records[position].recentSyscalls.set(key, statistic)
    }
    chargeSyscall(position, number: number, statistic: statistic)
    // The kernel's ERR_PTR range: -MAX_ERRNO…-1.
    let failed = event.value < 0 && event.value >= -4095 && !numbers.isSignalReturn(number)
    syscalls.record(from: start, to: event.timestamp, failed: failed, at: statistic)
    if event.timestamp &- start >= syscallEvents.shortest, event.timestamp >= start {
      let slow = SyscallEvent(
        pid: threads.records[position].pid, tid: event.tid, name: threads.records[position].name, number: number,
        abi: numbers.abi, entry: start, exit: event.timestamp, returnValue: event.value)
      syscallEvents.add(slow, isPoll: number == numbers.poll, &waits, &threads.records[position].waits)
    }
  }

  // MARK: Triggers

  private mutating func trigger(_ event: Event) {
    let thread = threads.find(event.tid)
    guard thread >= 0, threads.records[thread].scheduling != .dead else { return }
    threads.records[thread].isSeenRunning(at: event.timestamp, cpu: event.cpu)
  }

  private mutating func returnAddress(_ event: Event) {
    guard threads.find(event.tid) >= 0 else { return }
    returnAddresses.note(
      tid: event.tid, place: UInt32(bitPattern: event.subject), returnAddress: UInt64(bitPattern: event.value),
      at: event.timestamp)
  }

  private mutating func lostTriggers(_ event: Event) {
    missedTriggers &+= UInt64(max(event.value, 0))
    returnAddresses.interrupt(at: event.timestamp)
  }

  /// The thread `tid` is in user mode at `time`, ns, as far as events have not told otherwise: a probe there says so.
  package mutating func isInUserMode(_ tid: Int32, at time: UInt64) {
    let thread = threads.find(tid)
    guard openGaps.isEmpty, thread >= 0, threads.records[thread].isAlive else { return }
    threads.records[thread].charge(upTo: time)
    if threads.records[thread].mode == .unknown {
      threads.records[thread].decideMode(was: .user)
      threads.records[thread].mode = .user
    }
  }

  /// Whether `tid` is a living thread of the target.
  package mutating func isThread(_ tid: Int32) -> Bool {
    let thread = threads.find(tid)
    return thread >= 0 && threads.records[thread].scheduling != .dead
  }

  // MARK: Loss

  private mutating func gapStart(_ event: Event) {
    if windowOpeningExec != nil {
      windowOpeningExec = nil
      startWindow(at: event.timestamp)
    }
    if openGaps.isEmpty { gapStart = max(event.timestamp, windowStart) }
    openGaps.insert(event.cpu)
    causes.history.gap(at: event.timestamp, cpu: event.cpu)
    lostEvents[Int(event.cpu), default: 0] &+= UInt64(max(event.value, 0))
    for position in 0..<threads.records.count where threads.records[position].isAlive {
      // What runs on another CPU stays known: it can't leave that one unseen. Everything else may have been woken,
      // switched in, or have ended, on the CPU that went silent.
      let record = threads.records[position]
      if record.scheduling == .running, !openGaps.contains(record.cpu) { continue }
      threads.records[position].abandon(at: event.timestamp)
      chargeAll(position)
    }
  }

  private mutating func gapEnd(_ event: Event) {
    openGaps.remove(event.cpu)
    causes.history.gap(at: event.timestamp, cpu: event.cpu)
    guard openGaps.isEmpty else { return }
    gapCount += 1
    lastGapEnd = event.timestamp
    missingTime &+= max(event.timestamp, gapStart) &- gapStart
    for position in 0..<threads.records.count where !threads.records[position].isUnfiltered {
      threads.records[position].resumeDeduction(at: event.timestamp)
    }
  }
}
