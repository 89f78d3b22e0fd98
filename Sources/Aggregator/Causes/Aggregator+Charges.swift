internal import TraceModel

// Each state's time is charged to reasons. What has been added to a state since it was charged last is charged whenever the
// state ends, and at a window's end: so the charges of a state add up to it, whatever events came in between.
extension Aggregator {
  /// How long the thread was in a state without having been charged for it, ns; it is regarded as charged from now on.
  @inline(__always)
  private mutating func takeUncharged(_ state: AccountingState, of thread: Int) -> UInt64 {
    let length = threads.records[thread].accounting[state] &- threads.records[thread].charged[state]
    threads.records[thread].charged[state] &+= length
    return length
  }

  mutating func add(_ charge: Charge, of thread: Int, _ length: UInt64) {
    guard length > 0, isWindowOpen else { return }
    guard causes.charges.add(charge, thread: thread, length) else { return }
    if charge.tid != 0, threads.find(charge.tid) < 0 { causes.mention(charge.tid) }
    if charge.pathTID != 0, charge.pathTID != charge.tid, threads.find(charge.pathTID) < 0 {
      causes.mention(charge.pathTID)
    }
  }

  /// A charge that says on which side of the syscall boundary the thread is.
  func charge(_ state: AccountingState, _ reason: Charge.Reason, of thread: Int) -> Charge {
    var charge = Charge(state, reason)
    switch threads.records[thread].mode {
    case .unknown: break
    case .syscall:
      charge.side = .syscall
      if threads.records[thread].callStart != 0 { charge.syscall = threads.records[thread].syscallNumber }
    case .user: charge.side = threads.records[thread].isWaitingInFault ? .pageFault : .user
    }
    return charge
  }

  // MARK: Off a CPU

  /// The thread got its CPU, or is not ready any more for another reason.
  @inline(__always)
  mutating func chargeReady(_ thread: Int) {
    let length = takeUncharged(.ready, of: thread)
    if length > 0, isWindowOpen { chargeReady(thread, length) }
  }

  private mutating func chargeReady(_ thread: Int, _ length: UInt64) {
    var charge = charge(.ready, .unknown, of: thread)
    // Where it was preempted can say why it is not allowed to run; where it slept before that cannot.
    if threads.records[thread].context.state == 0 { charge.stack = threads.records[thread].context.stack }
    guard causes.scope != .none, threads.records[thread].context.hasCPU else { return add(charge, of: thread, length) }
    let end = threads.records[thread].since
    causes.history.holders(
      ofCPU: threads.records[thread].context.cpu, from: end &- length, to: end, waiting: threads.records[thread].tid,
      into: &causes.holdings)
    // With very many pieces each is charged for itself: then a holder's intervals are counted one by one.
    let isShort = causes.holdings.count <= 32
    var rest = length
    for position in 0..<causes.holdings.count {
      let holding = causes.holdings[position]
      guard !isShort || isFirstOfHolder(position) else { continue }
      let held = isShort ? heldTime(from: position) : holding.length
      set(holding, &charge)
      add(charge, of: thread, min(held, rest))
      rest -= min(held, rest)
    }
    // The pieces are the interval: nothing is left, unless an event came late.
    if rest > 0 { add(self.charge(.ready, .unknown, of: thread), of: thread, rest) }
  }

  private func set(_ holding: CPUHolding, _ charge: inout Charge) {
    charge.reason =
      switch holding.holder {
      case .task: .task
      case .idle: .idleCPU
      case .interrupt: .interrupt
      case .unknown: .unknown
      }
    charge.tid = holding.tid
  }

  private func isFirstOfHolder(_ position: Int) -> Bool {
    let holding = causes.holdings[position]
    for earlier in 0..<position
    where causes.holdings[earlier].holder == holding.holder && causes.holdings[earlier].tid == holding.tid {
      return false
    }
    return true
  }

  private func heldTime(from first: Int) -> UInt64 {
    let holding = causes.holdings[first]
    var total: UInt64 = 0
    for position in first..<causes.holdings.count
    where causes.holdings[position].holder == holding.holder && causes.holdings[position].tid == holding.tid {
      total &+= causes.holdings[position].length
    }
    return total
  }

  /// A wait ends, or goes on after the window's end (`isOpen`). `waker`: what ended it; nil where nothing tells.
  @inline(__always)
  mutating func chargeBlocked(_ thread: Int, isOpen: Bool = false, by waker: Waker? = nil) {
    let interruptible = takeUncharged(.blockedInterruptible, of: thread)
    let uninterruptible = takeUncharged(.blockedUninterruptible, of: thread)
    let stopped = takeUncharged(.stopped, of: thread)
    guard interruptible | uninterruptible | stopped != 0, isWindowOpen else { return }
    if interruptible > 0 { chargeBlocked(thread, .blockedInterruptible, interruptible, isOpen: isOpen, by: waker) }
    if uninterruptible > 0 {
      chargeBlocked(thread, .blockedUninterruptible, uninterruptible, isOpen: isOpen, by: waker)
    }
    if stopped > 0 { chargeStopped(thread, stopped, isOpen: isOpen) }
  }

  private mutating func chargeStopped(_ thread: Int, _ length: UInt64, isOpen: Bool) {
    let bits = threads.records[thread].context.state
    let reason: Charge.Reason =
      bits & TaskState.stopped != 0 ? .signal : bits & TaskState.traced != 0 ? .tracer : .unknown
    var charge = charge(.stopped, reason, of: thread)
    charge.isOpen = isOpen
    add(charge, of: thread, length)
  }

  private mutating func chargeBlocked(
    _ thread: Int, _ state: AccountingState, _ length: UInt64, isOpen: Bool, by waker: Waker?
  ) {
    var charge = charge(state, .wait, of: thread)
    charge.stack = threads.records[thread].context.stack
    charge.isOpen = isOpen
    if charge.side == .syscall, charge.syscall == threads.records[thread].numbers.futex {
      charge.futexOperation = threads.records[thread].futexOperation
    }
    // Keys stay few: a file that is read in by faults has very many addresses.
    if charge.side == .pageFault {
      charge.address = threads.records[thread].context.faultAddress & ~(Charge.addressSpan - 1)
    }
    if let activity = threads.records[thread].activity {
      charge.reason = .activity
      charge.number = activity.rawValue
    }
    guard let waker else { return add(charge, of: thread, length) }
    // The idle task does nothing but what interrupts have left to it.
    guard waker.context == .task, waker.tid != 0 else {
      charge.isEndedByInterrupt = true
      return add(charge, of: thread, length)
    }
    charge.tid = waker.tid
    chargePath(charge, thread, length)
  }

  // MARK: On a CPU

  /// A syscall has ended. `statistic`: its statistic's position; nil where it does not count. `number`: its number.
  @inline(__always)
  mutating func chargeSyscall(_ thread: Int, number: Int32, statistic: Int?) {
    if threads.records[thread].activityDepth != 0 { endActivities(thread) }
    let length = takeUncharged(.syscall, of: thread)
    if let statistic { return syscalls.statistics[statistic].onCPU.record(length) }
    chargeUncounted(thread, number: number, length)
  }

  @inline(never)
  private mutating func chargeUncounted(_ thread: Int, number: Int32, _ length: UInt64) {
    var charge = Charge(.syscall, .syscall, side: .syscall)
    charge.syscall = number
    add(charge, of: thread, length)
  }

  /// A syscall begins where the end of the one before it was not seen: that one's time is charged to no syscall.
  @inline(__always)
  mutating func chargeUnendedSyscall(_ thread: Int) {
    if threads.records[thread].accounting[.syscall] == threads.records[thread].charged[.syscall] { return }
    if threads.records[thread].activityDepth != 0 { endActivities(thread) }
    chargeUncounted(thread, number: -1, takeUncharged(.syscall, of: thread))
  }

  /// The time in hard interrupts since it was charged last, ns: that of the one that ends, or that another one begins in.
  @inline(__always)
  mutating func takeHardIRQTime(of thread: Int) -> UInt64 { takeUncharged(.hardIRQ, of: thread) }

  @inline(__always)
  mutating func takeSoftIRQTime(of thread: Int) -> UInt64 { takeUncharged(.softIRQ, of: thread) }

  /// Charges time in an interrupt that is not counted as one of its name.
  mutating func chargeHardIRQ(_ thread: Int, _ frame: HardIRQFrame?, _ length: UInt64) {
    var charge = Charge(.hardIRQ, frame == nil ? .unknown : .interrupt)
    if let frame { (charge.number, charge.name) = (frame.irq, frame.name) }
    add(charge, of: thread, length)
  }

  mutating func chargeSoftIRQ(_ thread: Int, vector: Int32?, _ length: UInt64) {
    var charge = Charge(.softIRQ, vector == nil ? .unknown : .interrupt)
    charge.number = vector ?? 0
    add(charge, of: thread, length)
  }

  // MARK: All of it

  /// Charges what a thread has not been charged for: it is lost track of, has ended, or the window ends.
  mutating func chargeAll(_ thread: Int) {
    chargeReady(thread)
    chargeBlocked(thread, isOpen: true)
    if threads.records[thread].activityDepth != 0 { chargeActivity(thread) }
    let inCall = takeUncharged(.syscall, of: thread)
    if inCall > 0 { add(charge(.syscall, .syscall, of: thread), of: thread, inCall) }
    chargeHardIRQ(thread, threads.records[thread].hardFrame, takeHardIRQTime(of: thread))
    chargeSoftIRQ(thread, vector: threads.records[thread].openSoftVector, takeSoftIRQTime(of: thread))
  }
}
