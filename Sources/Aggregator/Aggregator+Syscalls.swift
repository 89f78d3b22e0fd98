internal import TraceModel

// Most of all events are the beginning and the end of a short syscall, of a thread that makes the same one again and again.
extension Aggregator {
  /// Takes in syscalls of one thread and one number that follow each other, from the event at `first` on, as `consume` of
  /// each event would: what they do to the thread is added up first. Returns how many events it took; 0 where the first
  /// two are no such syscall, or something about it or its thread is out of the ordinary.
  @inline(__always)
  mutating func consumeSyscalls(_ events: UnsafeBufferPointer<Event>, from first: Int) -> Int {
    guard first &+ 1 < events.count, events[first].kind == .syscallEnter, events[first &+ 1].kind == .syscallExit,
      events[first].tid == events[first &+ 1].tid, events[first].subject == events[first &+ 1].subject
    else { return 0 }
    return consumeSameSyscalls(events, from: first)
  }

  @inline(never)
  private mutating func consumeSameSyscalls(_ events: UnsafeBufferPointer<Event>, from first: Int) -> Int {
    let (tid, number) = (events[first].tid, events[first].subject)
    let thread = threads.find(tid)
    guard thread >= 0, threads.records[thread].isBetweenSyscalls else { return 0 }
    let numbers = threads.records[thread].numbers
    guard !numbers.isProbe(number), number != numbers.poll, !numbers.isSignalReturn(number),
      let position = threads.records[thread].recentSyscalls.position(
        of: SyscallTable.key(thread: thread, number: number) | numbers.key)
    else { return 0 }
    var since = threads.records[thread].since
    var (userTime, syscallTime): (UInt64, UInt64) = (0, 0)
    var durations = IntervalStatistic()
    var errors: UInt64 = 0
    var next = first
    while next &+ 1 < events.count {
      let (entry, exit) = (events[next], events[next &+ 1])
      guard entry.kind == .syscallEnter, exit.kind == .syscallExit, entry.tid == tid, exit.tid == tid,
        entry.subject == number, exit.subject == number, entry.timestamp > since, exit.timestamp >= entry.timestamp
      else { break }
      let length = exit.timestamp &- entry.timestamp
      guard length < syscallEvents.shortest else { break }
      userTime &+= entry.timestamp &- since
      syscallTime &+= length
      since = exit.timestamp
      durations.record(length)
      syscalls.histograms.record(length, in: &syscalls.statistics[position].histogram)
      if exit.value < 0, exit.value >= -4095 { errors &+= 1 }
      next &+= 2
    }
    guard next > first else { return 0 }
    syscalls.statistics[position].durations.add(durations)
    // None of them has given up its CPU.
    syscalls.statistics[position].onCPU.add(durations)
    syscalls.statistics[position].errors &+= errors
    threads.records[thread].accounting[.user] &+= userTime
    threads.records[thread].accounting[.syscall] &+= syscallTime
    threads.records[thread].charged[.syscall] &+= syscallTime
    threads.records[thread].since = since
    threads.records[thread].syscallStart = 0
    threads.records[thread].syscallNumber = number
    threads.records[thread].cpu = events[next &- 1].cpu
    return next &- first
  }
}
