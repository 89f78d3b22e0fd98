internal import TraceModel

// Tasks that come, change and go.
extension Aggregator {
  mutating func newTask(_ event: Event) {
    // include/uapi/linux/sched.h. Without the first the new task is a process of its own. The second stands for what the
    // kernel makes for itself (io_uring's and vhost's workers), without the event that its filter follows.
    let (cloneThread, cloneUntraced): (Int64, Int64) = (0x10000, 0x80_0000)
    forgetEndedBetweenWindows()
    let parent = threads.find(event.tid)
    guard parent >= 0, threads.records[parent].scheduling != .dead else {
      return children.taskCreated(event.subject, by: event.tid, isThread: event.value & cloneThread != 0)
    }
    let isThread = event.value & cloneThread != 0
    guard isThread || followsChildren else {
      if !isProcess(event.subject) { children.targetForked(event.subject) }
      return
    }
    threads.records[parent].isSeenRunning(at: event.timestamp, cpu: event.cpu)
    // After a loss, /proc may have shown it before its own event comes.
    let known = threads.find(event.subject)
    if known >= 0, threads.records[known].isAlive { return }
    if known >= 0, threads.records[known].scheduling == .unborn { drop(known, at: event.timestamp) }
    // Another thread had the id before.
    returnAddresses.forget(tid: event.subject)
    let name = NameID(event.detail)
    let number = isThread ? threads.records[parent].process : fork(event, name, by: parent)
    var record = threadRecord(event.subject, of: number, name: name, at: event.timestamp)
    record.mode = .syscall  // it begins with the end of the clone that made it
    if threads.records[parent].mode == .syscall, threads.records[parent].callStart != 0 {
      record.syscallNumber = threads.records[parent].syscallNumber
      record.callStart = max(event.timestamp, 1)
    }
    record.isWorker = isThread && event.value & cloneUntraced != 0
    guard !record.isWorker else { return addUnfiltered(record) }
    record.scheduling = .unborn
    add(record)
  }

  /// A thread of the target has made a process that belongs to the target too. Returns its number.
  private mutating func fork(_ event: Event, _ name: NameID, by parent: Int) -> Int32 {
    // It has a copy of the stack, on which the return addresses are those of the calls that are pending.
    returnAddresses.copy(from: event.tid, to: event.subject)
    let (pid, numbers) = (threads.records[parent].pid, threads.records[parent].numbers)
    targetChanges.append(TargetChange(pid: event.subject, time: event.timestamp, kind: .born(parent: pid)))
    return processNumber(of: event.subject, name: name, numbers: numbers)
  }

  /// The thread at `position` has ended by `time`, ns, and no event told of it.
  mutating func drop(_ position: Int, at time: UInt64) {
    if threads.records[position].isAlive {
      threads.records[position].abandon(at: time)
      chargeAll(position)
    }
    threads.records[position].scheduling = .dead
    threadEnded(position, at: time)
  }

  /// Adds a thread that the kernel's filter does not hold.
  mutating func addUnfiltered(_ record: ThreadRecord) {
    var record = record
    record.isDeducible = false
    record.isUnfiltered = true
    add(record)
    unfilteredTIDs.append(record.tid)
  }

  /// The threads that have to be put into the kernel's filter, each once.
  package mutating func takeUnfiltered() -> [Int32] {
    defer { unfilteredTIDs = [] }
    return unfilteredTIDs
  }

  mutating func rename(_ event: Event) {
    let thread = threads.find(event.subject)
    guard thread >= 0 else { return }
    if threads.records[thread].scheduling == .dead {
      renamedDead = (event.subject, NameID(event.detail))
    } else {
      rename(thread, NameID(event.detail))
    }
  }

  /// A process goes by the name of its first thread.
  mutating func rename(_ position: Int, _ name: NameID) {
    threads.records[position].name = name
    let (tid, pid) = (threads.records[position].tid, threads.records[position].pid)
    if tid == pid { processes.records[Int(threads.records[position].process)].name = name }
  }

  /// A thread's life ends here: a little of its exit follows, but the kernel's pid filter forgets the tid at this point.
  mutating func exit(_ event: Event) {
    let thread = threads.find(event.subject)
    guard thread >= 0, threads.records[thread].scheduling != .dead else { return children.ended(event.subject) }
    threads.records[thread].end(event)
    chargeAll(thread)
    threadEnded(thread, at: event.timestamp)
    waits.forget(&threads.records[thread].waits)
  }

  /// An exec by a thread other than the leader takes over the leader's tid, which the pid filter dropped when the old
  /// leader died: that thread's events are incomplete until `refiltered`.
  mutating func exec(_ event: Event) {
    let newTID = event.subject
    let oldTID = event.detail
    let thread = threads.find(oldTID)
    guard thread >= 0, threads.records[thread].scheduling != .dead else {
      return children.replacedProgram(newTID, was: oldTID)
    }
    let number = threads.records[thread].process
    execCount += 1
    execs.append(processes.records[Int(number)].pid)
    returnAddresses.interrupt(tid: newTID, at: event.timestamp)
    if newTID != oldTID {
      let name = renamedDead?.tid == newTID ? renamedDead?.name : nil
      let oldName = threads.records[thread].name
      let leader = threads.find(newTID)
      threads.records[thread].end(event, in: .syscall)
      chargeAll(thread)
      addUnfiltered(threadRecord(newTID, of: number, name: name ?? oldName, at: event.timestamp))
      processes.records[Int(number)].name = name ?? oldName
      threadEnded(thread, at: event.timestamp)
      // The old leader is gone, even if its exit was lost.
      if leader >= 0, threads.records[leader].scheduling != .dead {
        threads.records[leader].end(event)
        chargeAll(leader)
        threadEnded(leader, at: event.timestamp)
      }
    }
    if windowOpeningExec == newTID {
      windowOpeningExec = nil
      startWindow(at: event.timestamp)
    }
  }

  /// The kernel's pid filter holds `tid` since `time`, up to which all events have been consumed.
  package mutating func refiltered(tid: Int32, at time: UInt64) {
    let thread = threads.find(tid)
    guard thread >= 0, threads.records[thread].isUnfiltered, threads.records[thread].scheduling != .dead else { return }
    threads.records[thread].isUnfiltered = false
    // What looked open may have ended and begun again unseen.
    threads.records[thread].abandon(at: time)
    chargeAll(thread)
    if openGaps.isEmpty { threads.records[thread].resumeDeduction(at: time) }
  }

  /// Starts the window at the instant at which `tid` has replaced its program, instead of at a given time; or where events
  /// are lost before that is seen.
  package mutating func openWindowAtExec(of tid: Int32) { windowOpeningExec = tid }

  /// Whether `openWindowAtExec` is still waiting.
  package var isWaitingForExec: Bool { windowOpeningExec != nil }
}
