internal import TraceModel

extension ThreadRecord {
  /// What a futex call was asked for, without its flags (FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME); -1 where nothing tells.
  var futexOperation: Int32 { callArgument < 0 ? -1 : callArgument & 0x7F }

  /// The syscall or page fault that the thread is in; nil for none. `start`: when the window began, ns.
  func openCall(since start: UInt64) -> OpenCall? {
    guard let state = currentState else { return nil }
    if mode == .user {
      guard state != .user, scheduling != .running, isWaitingInFault else { return nil }
      var call = OpenCall(number: -1, abi: numbers.abi, entry: context.faultStart, state: state)
      call.isPageFault = true
      return call
    }
    guard mode == .syscall, !isWorker else { return nil }
    let isKnown = callStart != 0
    var call = OpenCall(
      number: isKnown ? syscallNumber : -1, abi: numbers.abi, entry: isKnown ? callStart : start, state: state)
    call.beganEarlier = callBeganEarlier || !isKnown
    return call
  }

  /// The state in which the thread is; nil where it has ended or nothing tells.
  private var currentState: AccountingState? {
    switch scheduling {
    case .unknown, .unborn, .dead: nil
    case .running: hardDepth > 0 ? .hardIRQ : softDepth > 0 ? .softIRQ : mode == .user ? .user : .syscall
    case .ready: .ready
    case .interruptible: .blockedInterruptible
    case .uninterruptible: .blockedUninterruptible
    case .stopped: .stopped
    }
  }
}

extension Charge {
  /// What the calls of a statistic did on a CPU; nil where none was there.
  init?(_ statistic: SyscallStatistic) {
    guard statistic.onCPU.total > 0 else { return nil }
    self.init(.syscall, .syscall, side: .syscall)
    syscall = statistic.number
    durations = statistic.onCPU
  }

  /// What the interrupts of a statistic had of their threads' time; nil where that was none.
  init?(_ state: AccountingState, _ statistic: IRQStatistic) {
    guard statistic.exclusive.total > 0 else { return nil }
    self.init(state, .interrupt)
    (number, name) = (statistic.number, statistic.name)
    durations = statistic.exclusive
  }
}
