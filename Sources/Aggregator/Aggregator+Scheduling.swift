internal import TraceModel

extension Aggregator {
  mutating func contextSwitch(_ event: Event) {
    let isComplete = openGaps.isEmpty
    let previous = threads.find(event.tid)
    let next = threads.find(event.subject)
    noteSwitch(event, previous, next)
    if previous >= 0, threads.records[previous].scheduling != .dead {
      threads.records[previous].switchOut(event, isComplete: isComplete)
      if threads.records[previous].scheduling == .unknown { chargeAll(previous) }
      // Its exit was lost.
      if threads.records[previous].scheduling == .dead {
        chargeAll(previous)
        threadEnded(previous, at: event.timestamp)
      }
      if syscallEvents.isWanted, threads.records[previous].syscallStart != 0 {
        let state = event.detail & TaskState.reported
        let since = threads.records[previous].since
        waits.open(
          SyscallWait(start: since, wakeup: state == 0 ? since : 0, end: 0, state: state),
          in: &threads.records[previous].waits)
      }
    }
    if next >= 0, threads.records[next].scheduling != .dead {
      threads.records[next].switchIn(event)
      chargeReady(next)
      // Its wake-up was not seen.
      chargeBlocked(next)
      let since = threads.records[next].since
      waits.changeOpen(threads.records[next].waits) { $0.end = since }
    }
  }

  mutating func wakeup(_ event: Event) {
    let isComplete = openGaps.isEmpty
    let thread = threads.find(event.subject)
    guard thread >= 0 else { return }
    threads.records[thread].wake(at: event.timestamp, cpu: event.detail, isComplete: isComplete)
    let (since, waker) = (threads.records[thread].since, threads.records[thread].waker)
    let cause = waker ?? Waker(ofWakeup: event)
    if causes.scope == .target {
      // A wake-up that was recorded on the CPU where the thread waits shows who has that CPU.
      if Int32(event.cpu) == event.detail { causes.history.seen(event.tid, at: event.timestamp, cpu: event.cpu) }
      causes.history.woken(
        event.subject, at: event.timestamp, cpu: event.cpu, by: cause,
        isFollowed: !threads.records[thread].isUnfiltered)
    }
    chargeBlocked(thread, by: cause)
    threads.records[thread].waker = nil
    waits.changeOpen(threads.records[thread].waits) { wait in
      guard wait.wakeup == 0 else { return }
      wait.wakeup = since
      wait.waker = waker
    }
  }

  mutating func waking(_ event: Event) {
    let thread = threads.find(event.subject)
    if thread >= 0 { threads.records[thread].waker = Waker(tid: event.tid, flags: event.detail) }
  }
}
