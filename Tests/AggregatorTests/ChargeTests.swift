import Testing
import TraceModel

@testable import Aggregator

/// Why a thread was in its states. Thread 10 is the target's, on CPU 0; times are ns.
struct ChargeTests {
  private func feed(
    _ script: inout Script, _ kind: EventKind, _ time: UInt64, _ tid: Int32 = 10, _ subject: Int32 = 0,
    _ detail: Int32 = 0, _ value: Int64 = 0
  ) {
    script.feed([Event(timestamp: time, tid: tid, kind: kind, cpu: 0, subject: subject, detail: detail, value: value)])
  }

  @Test func readyIsChargedToWhoHadTheCPU() {
    var script = Script(threads: [10], windowFrom: 100)
    script.switchTask(from: 10, to: 20, at: 110)
    script.switchTask(from: 20, to: 10, at: 150)
    let charges = script.finish(at: 200).thread(10).charges(.ready)
    #expect(charges.map(\.tid) == [20])
    #expect(charges.first?.reason == .task)
    #expect(charges.first?.durations.total == 40)
    #expect(script.aggregator.takeNewTasks() == [20])
  }

  @Test func readyKnowsWhereTheThreadWasPreempted() {
    var script = Script(threads: [10], windowFrom: 100)
    script.switchTask(from: 10, to: 20, at: 110)
    feed(&script, .kernelStack, 110, 10, 5)
    script.switchTask(from: 20, to: 10, at: 150)
    script.switchTask(from: 10, state: 1, to: 20, at: 160)
    feed(&script, .kernelStack, 160, 10, 6)
    feed(&script, .wakeup, 165, 20, 10)
    script.switchTask(from: 20, to: 10, at: 170)
    #expect(script.finish(at: 200).thread(10).charges(.ready).map(\.stack) == [5, -1])
  }

  @Test func readyIsUnknownWhereSwitchesInBetweenWereNotRecorded() {
    var script = Script(threads: [10], windowFrom: 100)
    script.switchTask(from: 10, to: 20, at: 110)
    script.switchTask(from: 30, to: 10, at: 150)
    let charges = script.finish(at: 200).thread(10).charges(.ready)
    #expect(charges.map(\.reason) == [.unknown])
    #expect(charges.first?.durations.total == 40)
  }

  @Test func aWakeUpShowsWhoHasTheCPU() {
    var script = Script(threads: [10], windowFrom: 100)
    script.switchTask(from: 10, state: 1, to: 30, at: 110)
    feed(&script, .wakeup, 150, 20, 10)
    script.switchTask(from: 20, to: 10, at: 190)
    let charges = script.finish(at: 200).thread(10).charges(.ready)
    #expect(charges.map(\.tid) == [20])
    #expect(charges.map(\.durations.total) == [40])
  }

  @Test func aWakeUpOnAnotherCPUShowsNothingOfTheThreads() {
    var script = Script(threads: [10], windowFrom: 100)
    script.switchTask(from: 10, state: 1, to: 30, at: 110, cpu: 1)
    feed(&script, .wakeup, 150, 20, 10, 1)
    script.switchTask(from: 20, to: 10, at: 190, cpu: 1)
    #expect(script.finish(at: 200).thread(10).charges(.ready).map(\.reason) == [.unknown])
  }

  @Test func aWaitForAnIdleCPUIsToldFromOneForATask() {
    var script = Script(threads: [10], windowFrom: 100)
    script.switchTask(from: 10, state: 1, to: 0, at: 110)
    script.wake(10, at: 150)
    script.switchTask(from: 0, to: 10, at: 157)
    let charges = script.finish(at: 200).thread(10).charges(.ready)
    #expect(charges.map(\.reason) == [.idleCPU])
    #expect(charges.first?.durations.total == 7)
  }

  @Test func aWaitKnowsItsSyscallItsStackAndItsWaker() {
    var script = Script(threads: [10], windowFrom: 100)
    feed(&script, .syscallEnter, 105, 10, 202, 0, 128)
    script.switchTask(from: 10, state: 1, to: 0, at: 110)
    feed(&script, .kernelStack, 110, 10, 3)
    script.waking(10, by: 20, at: 149)
    script.wake(10, at: 150)
    script.switchTask(from: 0, to: 10, at: 157)
    script.leave(10, 202, at: 160)
    let charges = script.finish(at: 200).thread(10).charges(.blockedInterruptible)
    #expect(charges.count == 1)
    #expect(charges.first?.durations.total == 40)
    #expect(charges.first?.tid == 20)
    #expect(charges.first?.stack == 3)
    #expect(charges.first?.syscall == 202)
    #expect(charges.first?.futexOperation == 0)
    #expect(charges.first?.isOpen == false)
  }

  @Test func anInterruptEndsAWaitWithoutATask() {
    var script = Script(threads: [10], windowFrom: 100)
    script.switchTask(from: 10, state: 2, to: 0, at: 110)
    script.waking(10, by: 20, flags: 8, at: 149)
    script.wake(10, at: 150)
    let charges = script.finish(at: 200).thread(10).charges(.blockedUninterruptible)
    #expect(charges.map(\.isEndedByInterrupt) == [true])
    #expect(charges.map(\.tid) == [0])
  }

  @Test func aWakeUpIsByTheTaskThatItWasRecordedInUnlessAnInterruptTookItOver() {
    for (flags, waker): (Int64, Int32) in [(1, 20), (0x08, 0), (0x10, 0)] {
      var script = Script(threads: [10], windowFrom: 100)
      script.switchTask(from: 10, state: 1, to: 0, at: 110)
      feed(&script, .wakeup, 150, 20, 10, 0, flags)
      let charge = script.finish(at: 200).thread(10).charges(.blockedInterruptible).first
      #expect(charge?.tid == waker)
      #expect(charge?.isEndedByInterrupt == false)
    }
  }

  @Test func aWakerThatWaitedForACPUIsTheEndOfThePath() {
    var script = Script(threads: [10, 11], windowFrom: 100)
    script.switchTask(from: 11, to: 20, at: 105, cpu: 1)
    feed(&script, .syscallEnter, 105, 10, 202, 0, 0)
    script.switchTask(from: 10, state: 1, to: 0, at: 110)
    script.switchTask(from: 20, to: 11, at: 140, cpu: 1)
    script.waking(10, by: 11, at: 149)
    script.wake(10, at: 150)
    let charges = script.finish(at: 200).thread(10).charges(.blockedInterruptible)
    #expect(charges.map(\.tid) == [11])
    #expect(charges.map(\.pathTID) == [11])
    #expect(charges.map(\.pathDoing) == [.ready])
    #expect(charges.map(\.durations.total) == [40])
  }

  @Test func whatAWaitForWorkWasHeldUpIsChargedApart() {
    var script = Script(threads: [10, 11], windowFrom: 100)
    script.switchTask(from: 11, to: 20, at: 105, cpu: 1)
    script.enter(10, 7, at: 106)
    script.switchTask(from: 10, state: 1, to: 0, at: 110)
    script.switchTask(from: 20, to: 11, at: 120, cpu: 1)
    script.waking(10, by: 11, at: 149)
    script.wake(10, at: 150)
    let charges = script.finish(at: 200).thread(10).charges(.blockedInterruptible)
    #expect(charges.map(\.pathDoing) == [.ready, .running])
    #expect(charges.map(\.durations.total) == [10, 30])
  }

  @Test func aWakersLatencyIsNoPartOfALongWaitForWork() {
    var script = Script(threads: [10, 11], windowFrom: 100)
    script.switchTask(from: 11, to: 20, at: 105, cpu: 1)
    script.enter(10, 7, at: 106)
    script.switchTask(from: 10, state: 1, to: 0, at: 110)
    script.switchTask(from: 20, to: 11, at: 120, cpu: 1)
    script.waking(10, by: 11, at: 1109)
    script.wake(10, at: 1110)
    let charges = script.finish(at: 1200).thread(10).charges(.blockedInterruptible)
    #expect(charges.map(\.pathDoing) == [.running])
    #expect(charges.map(\.durations.total) == [1000])
  }

  @Test func aSyscallsTimeOnACPUIsWithoutItsKernelActivities() {
    var script = Script(threads: [10], windowFrom: 100)
    script.enter(10, 9, at: 110)
    feed(&script, .activityBegin, 120, 10, KernelActivity.reclaim.rawValue)
    feed(&script, .activityBegin, 130, 10, KernelActivity.spin.rawValue, 0, 77)
    feed(&script, .activityEnd, 135, 10, KernelActivity.lock.rawValue, 0, 77)
    feed(&script, .activityEnd, 150, 10, KernelActivity.reclaim.rawValue)
    script.leave(10, 9, at: 160)
    let thread = script.finish(at: 200).thread(10)
    #expect(thread.time(.syscall, activity: .reclaim) == 25)
    #expect(thread.time(.syscall, activity: .spin) == 5)
    #expect(thread.charges(.syscall).first { $0.reason == .syscall }?.durations.total == 20)
    #expect(thread.accounting[.syscall] == 50)
  }

  @Test func aMutexThatIsSleptForAfterSpinningIsOneContention() {
    var script = Script(threads: [10], windowFrom: 100)
    script.enter(10, 9, at: 110)
    feed(&script, .activityBegin, 120, 10, KernelActivity.spin.rawValue, 0, 77)
    feed(&script, .activityBegin, 130, 10, KernelActivity.lock.rawValue, 0, 77)
    script.switchTask(from: 10, state: 2, to: 0, at: 131)
    script.wake(10, at: 140)
    script.switchTask(from: 0, to: 10, at: 141)
    feed(&script, .activityEnd, 142, 10, KernelActivity.lock.rawValue, 0, 77)
    script.leave(10, 9, at: 160)
    let thread = script.finish(at: 200).thread(10)
    #expect(thread.time(.syscall, activity: .spin) == 10)
    #expect(thread.time(.blockedUninterruptible, activity: .lock) == 9)
    #expect(thread.charges(.syscall).first { $0.reason == .syscall }?.durations.total == 28)
  }

  @Test func anInterruptsTimeIsWithoutTheInterruptInsideIt() {
    var script = Script(threads: [10], windowFrom: 100)
    script.softIRQ(on: 10, 3, at: 110)
    script.hardIRQ(on: 10, 40, at: 120)
    script.endHardIRQ(on: 10, 40, at: 130)
    script.endSoftIRQ(on: 10, 3, at: 150)
    let thread = script.finish(at: 200).thread(10)
    #expect(thread.charges(.softIRQ).map(\.number) == [3])
    #expect(thread.charges(.softIRQ).map(\.durations.total) == [30])
    #expect(thread.charges(.hardIRQ).map(\.number) == [40])
    #expect(thread.charges(.hardIRQ).map(\.durations.total) == [10])
  }

  @Test func aStopIsBySignalOrByTracer() {
    var script = Script(threads: [10], windowFrom: 100)
    script.switchTask(from: 10, state: 4, to: 0, at: 110)
    script.wake(10, at: 130)
    script.switchTask(from: 0, to: 10, at: 130)
    script.switchTask(from: 10, state: 8, to: 0, at: 140)
    let thread = script.finish(at: 200).thread(10)
    #expect(thread.charges(.stopped).map(\.reason) == [.signal, .tracer])
    #expect(thread.charges(.stopped).map(\.durations.total) == [20, 60])
  }

  @Test func aSleepInAPageFaultIsOneUntilTheThreadMakesASyscall() {
    var script = Script(threads: [10], windowFrom: 100)
    feed(&script, .pageFault, 110, 10, 0, 0, 0x20_0123)
    script.switchTask(from: 10, state: 2, to: 0, at: 115)
    script.wake(10, at: 130)
    script.switchTask(from: 0, to: 10, at: 133)
    script.enter(10, 9, at: 140)
    script.switchTask(from: 10, state: 2, to: 0, at: 145)
    script.wake(10, at: 150)
    let thread = script.finish(at: 200).thread(10)
    #expect(thread.charges(.blockedUninterruptible).map(\.side) == [.pageFault, .syscall])
    #expect(thread.charges(.blockedUninterruptible).map(\.address) == [0x20_0000, 0])
    #expect(thread.charges(.ready).first?.side == .pageFault)
  }

  // MARK: Open calls

  @Test func aSyscallThatHasNotEndedKeepsItsBeginningOverWindows() {
    var script = Script(threads: [10], windowFrom: 100)
    script.enter(10, 0, at: 110)
    script.switchTask(from: 10, state: 1, to: 0, at: 115)
    _ = script.finish(at: 200)
    script.aggregator.startWindow(at: 300)
    let call = script.finish(at: 400).thread(10).openCall
    #expect(call?.number == 0)
    #expect(call?.entry == 110)
    #expect(call?.beganEarlier == false)
    #expect(call?.state == .blockedInterruptible)
  }

  @Test func aSyscallThatBeganBeforeAnybodyLookedIsKnownByTheLook() {
    var script = Script()
    script.aggregator.observe(
      ThreadObservation(
        pid: 1, tid: 10, name: 0, state: .interruptible, mode: .syscall, syscall: 202, syscallArgument: 0x189),
      at: 90)
    script.aggregator.startWindow(at: 100)
    let thread = script.finish(at: 200).thread(10)
    #expect(thread.openCall?.number == 202)
    #expect(thread.openCall?.entry == 90)
    #expect(thread.openCall?.beganEarlier == true)
    #expect(thread.charges(.blockedInterruptible).map(\.syscall) == [202])
    #expect(thread.charges(.blockedInterruptible).map(\.isOpen) == [true])
    // What a futex call was asked for, without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
    #expect(thread.charges(.blockedInterruptible).map(\.futexOperation) == [9])
  }

  @Test func aSyscallThatBeganBeforeTheWindowIsChargedByItsNumber() {
    var script = Script(threads: [10], windowFrom: 50)
    script.enter(10, 3, at: 60)
    _ = script.finish(at: 100)
    script.aggregator.startWindow(at: 100)
    script.leave(10, 3, at: 130)
    let thread = script.finish(at: 200).thread(10)
    #expect(thread.charges(.syscall).map(\.syscall) == [3])
    #expect(thread.charges(.syscall).map(\.durations.total) == [30])
    #expect(thread.openCall == nil)
  }

  @Test func aPageFaultThatHasNotEndedIsOpen() {
    var script = Script(threads: [10], windowFrom: 100)
    script.enter(10, 3, at: 101)
    script.leave(10, 3, at: 102)
    feed(&script, .pageFault, 110, 10, 0, 0, 0x1000)
    script.switchTask(from: 10, state: 1, to: 0, at: 115)
    let call = script.finish(at: 200).thread(10).openCall
    #expect(call?.isPageFault == true)
    #expect(call?.entry == 110)
  }

  // MARK: Bounds

  @Test func whatIsTooMuchIsChargedToAnUnknownReason() {
    var table = ChargeTable()
    for number in 0..<Int32(100_000) {
      var charge = Charge(.ready, .task)
      charge.tid = number + 1
      table.add(charge, thread: 0, 2)
    }
    var total: UInt64 = 0
    for position in 0..<table.entries.count { total += table.entries[position].charge.durations.total }
    #expect(total == 200_000)
    #expect(table.leftOut > 0)
    #expect(table.entries.count < 70_000)
  }
}

extension ThreadSnapshot {
  /// The charges of one state.
  func charges(_ state: AccountingState) -> [Charge] { charges.filter { $0.state == state } }

  /// The time in a state that is charged to a kernel activity.
  func time(_ state: AccountingState, activity: KernelActivity) -> UInt64 {
    charges(state).filter { $0.reason == .activity && $0.number == activity.rawValue }.reduce(0) {
      $0 + $1.durations.total
    }
  }

  /// The states whose charges do not add up to them.
  var statesNotCharged: [AccountingState] {
    [.syscall, .hardIRQ, .softIRQ, .ready, .blockedInterruptible, .blockedUninterruptible, .stopped].filter { state in
      charges(state).reduce(0) { $0 + $1.durations.total } != accounting[state]
    }
  }
}
