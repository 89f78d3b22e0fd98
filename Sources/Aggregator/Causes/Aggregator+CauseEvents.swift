internal import TraceModel

// Events that are recorded for causes alone.
extension Aggregator {
  /// The switch before this has taken the thread off its CPU here.
  mutating func kernelStack(_ event: Event) {
    let thread = threads.find(event.tid)
    if thread >= 0 { threads.records[thread].context.stack = event.subject }
  }

  mutating func pageFault(_ event: Event) {
    let thread = threads.find(event.tid)
    guard thread >= 0, threads.records[thread].isAlive else { return }
    threads.records[thread].isSeenRunning(at: event.timestamp, cpu: event.cpu)
    threads.records[thread].charge(upTo: event.timestamp)
    // `page_fault_user` comes from user mode alone.
    if threads.records[thread].mode == .unknown {
      threads.records[thread].decideMode(was: .user)
      threads.records[thread].mode = .user
    }
    threads.records[thread].isInFault = threads.records[thread].mode == .user
    threads.records[thread].context.faultStart = threads.records[thread].since
    threads.records[thread].context.faultAddress = UInt64(bitPattern: event.value)
    threads.records[thread].context.faults &+= 1
  }

  // MARK: Activities

  mutating func activityBegin(_ event: Event) {
    guard let kind = KernelActivity(rawValue: event.subject), let thread = seenRunning(event) else { return }
    chargeActivity(thread)
    let depth = Int(threads.records[thread].activityDepth)
    let isContention = kind == .spin || kind == .lock
    let activity = WaitContext.Activity(kind: kind, address: event.value)
    // A mutex is spun for before it is slept for, without an end in between.
    if isContention, depth > 0, depth <= 4,
      threads.records[thread].context.activities[depth - 1].isContention(event.value)
    {
      threads.records[thread].context.activities[depth - 1] = activity
      return
    }
    // Deeper ones than are kept count as the innermost that is.
    if depth < 4 { threads.records[thread].context.activities[depth] = activity }
    threads.records[thread].activityDepth = UInt8(min(depth + 1, 255))
  }

  mutating func activityEnd(_ event: Event) {
    guard let kind = KernelActivity(rawValue: event.subject), let thread = seenRunning(event) else { return }
    chargeActivity(thread)
    var depth = Int(threads.records[thread].activityDepth)
    guard depth <= 4 else { return threads.records[thread].activityDepth -= 1 }
    // Of those inside it, the ends were not seen.
    while depth > 0 {
      depth -= 1
      let inner = threads.records[thread].context.activities[depth]
      if inner.kind == kind || kind == .lock && inner.isContention(event.value) {
        return threads.records[thread].activityDepth = UInt8(depth)
      }
    }
  }

  /// The syscall has ended, and with it what the kernel did in it.
  mutating func endActivities(_ thread: Int) {
    chargeActivity(thread)
    threads.records[thread].activityDepth = 0
  }

  /// Charges the time on a CPU since the innermost activity began or went on. What the kernel does in page faults of the thread's own
  /// code is in user time, which has no charges.
  mutating func chargeActivity(_ thread: Int) {
    let syscall = threads.records[thread].accounting[.syscall]
    let inSyscall = syscall &- threads.records[thread].context.syscallBefore
    threads.records[thread].context.syscallBefore = syscall
    guard let activity = threads.records[thread].activity else { return }
    threads.records[thread].charged[.syscall] &+= inSyscall
    var charge = charge(.syscall, .activity, of: thread)
    charge.number = activity.rawValue
    add(charge, of: thread, inSyscall)
  }

  private mutating func seenRunning(_ event: Event) -> Int? {
    let thread = threads.find(event.tid)
    guard thread >= 0, threads.records[thread].isAlive else { return nil }
    threads.records[thread].isSeenRunning(at: event.timestamp, cpu: event.cpu)
    threads.records[thread].charge(upTo: event.timestamp)
    return thread
  }

  // MARK: The machine

  mutating func machineSwitch(_ event: Event) {
    causes.history.switched(
      at: event.timestamp, cpu: event.cpu, from: event.tid, state: event.detail, to: event.subject)
    causes.setName(event.value, of: event.subject)
  }

  /// It stands for the target's `waking` too, which is not recorded a second time.
  mutating func machineWaking(_ event: Event) {
    waking(event)
    causes.history.woken(
      event.subject, at: event.timestamp, cpu: event.cpu, by: Waker(tid: event.tid, flags: event.detail))
  }

  mutating func machineInterrupt(_ event: Event, begins: Bool) {
    causes.history.interrupt(begins: begins, at: event.timestamp, cpu: event.cpu)
  }

  // MARK: The target alone

  /// Where the machine is not recorded, the switches of the target's threads tell what they can.
  @inline(__always)
  mutating func noteSwitch(_ event: Event, _ previous: Int, _ next: Int) {
    guard causes.scope == .target else { return }
    causes.history.switched(
      at: event.timestamp, cpu: event.cpu, from: event.tid, state: event.detail, to: event.subject,
      previousIsFollowed: isFollowed(previous), nextIsFollowed: isFollowed(next))
  }

  @inline(__always)
  private func isFollowed(_ thread: Int) -> Bool {
    thread >= 0 && threads.records[thread].scheduling != .dead && !threads.records[thread].isUnfiltered
  }
}

extension WaitContext.Activity {
  /// Whether it is one of the two sorts of contention for a lock.
  func isContention(_ address: Int64) -> Bool { (kind == .spin || kind == .lock) && self.address == address }
}

extension ThreadRecord {
  /// The innermost kernel activity that is open.
  var activity: KernelActivity? {
    activityDepth == 0 ? nil : context.activities[Int(min(activityDepth, 4)) - 1].kind
  }

  /// Whether the thread's latest wait is one in a page fault. One that was preempted instead can be in its own code again.
  var isWaitingInFault: Bool { isInFault && context.state != 0 }

  /// The hard interrupt that is open.
  var hardFrame: HardIRQFrame? { hardDepth > 0 && hardDepth <= hardFrames.count ? hardFrames[hardDepth - 1] : nil }

  /// The vector of the soft interrupt that is open.
  var openSoftVector: Int32? { softDepth > 0 ? softVector : nil }
}
