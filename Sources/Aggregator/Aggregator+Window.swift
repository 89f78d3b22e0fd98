internal import TraceModel

/// A thread that no event of a window explains: what two looks at /proc, before and after, say instead.
package struct SilentThread: Sendable, Equatable {
  package var pid: Int32
  package var tid: Int32
  /// Whether the thread is known to be on a CPU: then only user or syscall is open.
  package var isRunning: Bool
}

extension Aggregator {
  /// Makes a thread of the target known, as seen at `time`. A thread that events have already told about keeps what
  /// they said: they are exact, and what /proc shows is of one moment.
  package mutating func observe(_ seen: ThreadObservation, at time: UInt64) {
    if knownThread(seen, at: time) < 0 {
      let number = processNumber(of: seen.pid, name: seen.name, numbers: SpecialNumbers(initialABI))
      add(threadRecord(seen.tid, of: number, name: seen.name, at: time))
    }
    take(seen, at: time)
  }

  /// Takes over what was seen of a thread that is known.
  private mutating func take(_ seen: ThreadObservation, at time: UInt64) {
    let thread = threads.find(seen.tid)
    rename(thread, seen.name)
    threads.records[thread].apply(seen, at: time)
  }

  /// The living thread that was seen; -1 where it is not known. One of another process had the id before, and has ended unseen.
  private mutating func knownThread(_ seen: ThreadObservation, at time: UInt64) -> Int {
    let thread = threads.find(seen.tid)
    guard thread >= 0, threads.records[thread].scheduling != .dead else { return -1 }
    if threads.records[thread].pid == seen.pid { return thread }
    drop(thread, at: time)
    return -1
  }

  /// Makes a thread known that the kernel's filter does not hold, as seen at `time`.
  package mutating func observeUnfiltered(_ seen: ThreadObservation, at time: UInt64) {
    let number = processNumber(of: seen.pid, name: seen.name, numbers: SpecialNumbers(initialABI))
    var record = threadRecord(seen.tid, of: number, name: seen.name, at: time)
    record.setWorker(seen.isWorker)
    addUnfiltered(record)
  }

  /// After a loss: `alive` are the threads of all the target's processes at `time`. Those that came unseen are added, and their
  /// processes with them; those that went unseen end here.
  package mutating func reconcile(alive: [ThreadObservation], at time: UInt64) {
    let tids = Set(alive.map(\.tid))
    for position in 0..<threads.records.count
    where mayHaveEnded(threads.records[position]) && !tids.contains(threads.records[position].tid) {
      drop(position, at: time)
    }
    for seen in alive {
      if knownThread(seen, at: time) < 0 {
        // Nobody saw who made it: it may be one that the kernel's filter does not follow.
        observeUnfiltered(seen, at: time)
      } else {
        take(seen, at: time)  // a rename may be among the lost
      }
    }
  }

  /// Whether the loss may have hidden the thread's end. Of one that was announced after it, all events are there.
  private func mayHaveEnded(_ record: ThreadRecord) -> Bool {
    record.isAlive || record.scheduling == .unborn && record.since <= lastGapEnd
  }

  /// Opens a window at `time`, ns: what is counted from here on is this window's. `forgettingModes`: syscalls and
  /// interrupts were not recorded before it, so that nobody knows who is inside one.
  package mutating func startWindow(at time: UInt64, forgettingModes: Bool = false) {
    isWindowOpen = true
    removeEnded()
    children.startWindow()
    upcalls.removeAll()
    syscallEvents.open()
    waits.removeAll()
    syscalls.removeAll()
    hardIRQs.removeAll()
    softIRQs.removeAll()
    causes.charges.removeAll()
    _ = causes.history.takeCPUTimes(upTo: time)
    eventsRead = 0
    lostEvents = [:]
    missingTime = 0
    gapStart = time
    windowStart = time
    for position in 0..<threads.records.count {
      threads.records[position].startWindow(at: time)
      if forgettingModes { threads.records[position].forgetMode() }
    }
  }

  /// Threads whose time no event has explained so far.
  package var silentThreads: [SilentThread] {
    var silent: [SilentThread] = []
    for position in 0..<threads.records.count {
      let record = threads.records[position]
      if record.scheduling == .unknown, record.isDeducible {
        silent.append(SilentThread(pid: record.pid, tid: record.tid, isRunning: false))
      } else if record.isAlive, record.mode == .unknown, record.scheduling == .running || record.undecided != 0 {
        silent.append(SilentThread(pid: record.pid, tid: record.tid, isRunning: true))
      }
    }
    return silent
  }

  /// Settles a silent thread: it has been running (or ready) in `mode` since it was last known.
  package mutating func resolve(tid: Int32, running: Bool, mode: ThreadObservation.Mode) {
    let thread = threads.find(tid)
    guard thread >= 0 else { return }
    threads.records[thread].settle(running: running, mode: mode)
  }

  /// Closes the window at `time`, ns, and returns what it showed. Events before `time` must have been consumed, later
  /// ones must not. What the threads are doing carries over to the next window.
  package mutating func finishWindow(at time: UInt64) -> Snapshot {
    var snapshots: [ThreadSnapshot] = []
    var indexOfThread: [Int32: Int] = [:]
    var discarded: UInt64 = 0
    var lived: [ProcessSnapshot] = []
    var indexOfProcess: [Int: Int] = [:]
    for position in 0..<threads.records.count where threads.records[position].scheduling != .unborn {
      threads.records[position].charge(upTo: time)
      threads.records[position].decideMode(was: .unknown)
      chargeAll(position)
      discarded += threads.records[position].discarded
      indexOfThread[Int32(position)] = snapshots.count
      let number = Int(threads.records[position].process)
      let process = indexOfProcess[number] ?? lived.count
      if process == lived.count {
        indexOfProcess[number] = process
        lived.append(ProcessSnapshot(processes.records[number]))
      }
      snapshots.append(ThreadSnapshot(threads.records[position], process: process))
      snapshots[snapshots.count - 1].openCall = threads.records[position].openCall(since: windowStart)
      if causes.scope == .machine {
        snapshots[snapshots.count - 1].pageFaults = threads.records[position].context.faults
      }
    }
    for position in 0..<syscalls.statistics.count {
      let statistic = syscalls.statistics[position]
      guard let index = indexOfThread[statistic.thread] else { continue }
      snapshots[index].syscalls.append(snapshot(of: statistic))
      if let charge = Charge(statistic) { snapshots[index].charges.append(charge) }
    }
    for position in 0..<causes.charges.entries.count {
      let entry = causes.charges.entries[position]
      if let index = indexOfThread[entry.thread] { snapshots[index].charges.append(entry.charge) }
    }
    Self.collect(hardIRQs.statistics, indexOfThread) {
      snapshots[$0].hardIRQs.append(IRQSnapshot($1))
      if let charge = Charge(.hardIRQ, $1) { snapshots[$0].charges.append(charge) }
    }
    Self.collect(softIRQs.statistics, indexOfThread) {
      snapshots[$0].softIRQs.append(IRQSnapshot($1))
      if let charge = Charge(.softIRQ, $1) { snapshots[$0].charges.append(charge) }
    }
    let missing = missingTime &+ (openGaps.isEmpty ? 0 : time &- min(gapStart, time))
    let missed = missedTriggers
    missedTriggers = 0
    defer { syscallEvents.close() }
    isWindowOpen = false
    return Snapshot(
      start: windowStart, stop: time, processes: lived, threads: snapshots, discardedIntervals: discarded,
      eventsRead: eventsRead, lostEvents: lostEvents, missingTime: missing, missedTriggers: missed,
      upcalls: upcalls.snapshot, slowSyscalls: syscallEvents.take(), syscallEventsLeftOut: syscallEvents.leftOut,
      childrenNotWatched: children.seenInWindow)
  }

  private func snapshot(of statistic: SyscallStatistic) -> SyscallSnapshot {
    let durations = statistic.durations
    func quantile(_ value: Double) -> UInt64 {
      syscalls.histograms.quantile(
        value, of: statistic.histogram, count: durations.count, max: durations.max)
    }
    let isForeign = statistic.abi.isForeign(statistic.number) && statistic.errors < durations.count
    return SyscallSnapshot(
      number: statistic.number, abi: (isForeign ? statistic.abi.compat : nil) ?? statistic.abi, durations: durations,
      errors: statistic.errors,
      p50: quantile(0.50), p90: quantile(0.90), p99: quantile(0.99))
  }

  private static func collect(
    _ statistics: borrowing FlatArray<IRQStatistic>, _ indexOfThread: [Int32: Int],
    _ append: (Int, IRQStatistic) -> Void
  ) {
    for position in 0..<statistics.count {
      let statistic = statistics[position]
      guard let index = indexOfThread[statistic.thread] else { continue }
      append(index, statistic)
    }
  }
}

extension ThreadSnapshot {
  fileprivate init(_ record: ThreadRecord, process: Int) {
    self.init(tid: record.tid, name: record.name, pid: record.pid, process: process)
    statistics = record.statistics
    accounting = record.accounting
  }
}

extension IRQSnapshot {
  fileprivate init(_ statistic: IRQStatistic) {
    self.init(number: statistic.number, name: statistic.name, durations: statistic.durations)
  }
}

extension ProcessSnapshot {
  fileprivate init(_ record: ProcessRecord) {
    self.init(pid: record.pid, name: record.name, abi: record.numbers.abi, hasEnded: !record.isAlive)
  }
}
