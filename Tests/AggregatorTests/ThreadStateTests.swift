import Testing
import TraceModel

@testable import Aggregator

/// Each transition of a thread, one by one.
struct ThreadStateTests {
  @Test func syscallsAreTimedFromEntryToExit() {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 39, at: 110)
    script.leave(7, 39, at: 130)
    script.enter(7, 39, at: 140)
    script.leave(7, 39, returning: -11, at: 145)
    let thread = script.finish(at: 200).thread(7)
    #expect(thread.syscall(39)?.durations.count == 2)
    #expect(thread.syscall(39)?.durations.total == 25)
    #expect(thread.syscall(39)?.durations.max == 20)
    #expect(thread.syscall(39)?.errors == 1)
    // Before the first entry it was outside a syscall: the entry tells.
    #expect(thread.spent == [.user: 10 + 10 + 55, .syscall: 25])
  }

  @Test func aSyscallThatBeganBeforeTheWindowIsTimeButNoCount() {
    var script = Script(threads: [7], windowFrom: 100)
    script.leave(7, 0, at: 150)
    script.enter(7, 0, at: 160)
    let thread = script.finish(at: 200).thread(7)
    #expect(thread.syscalls.isEmpty)
    #expect(thread.spent == [.syscall: 50 + 40, .user: 10])
  }

  @Test func theExitOfASignalReturnHasNoNumber() {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 15, at: 110)
    script.leave(7, -1, returning: -4, at: 120)
    let thread = script.finish(at: 200).thread(7)
    #expect(thread.syscall(15)?.durations.count == 1)
    #expect(thread.syscall(15)?.errors == 0)
  }

  @Test func anExitWithAnotherNumberIsNotThatCallsEnd() {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 1, at: 110)
    script.leave(7, 2, at: 120)
    #expect(script.finish(at: 200).thread(7).syscalls.isEmpty)
  }

  @Test func aKernelThreadWithoutWorkSleeps() {
    var script = Script(threads: [7], windowFrom: 100)
    script.switchTask(from: 7, state: 0x80, to: 0, at: 110)
    #expect(script.finish(at: 200).thread(7).spent[.blockedInterruptible] == 90)
  }

  @Test func runReadyAndBlockedTimeFollowTheScheduler() {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 35, at: 100)
    script.switchTask(from: 7, state: 1, to: 0, at: 110)
    script.wake(7, at: 150)
    script.switchTask(from: 0, to: 7, at: 155)
    script.leave(7, 35, at: 160)
    script.switchTask(from: 7, state: 0, to: 3, at: 170)
    script.switchTask(from: 3, to: 7, at: 190)
    script.switchTask(from: 7, state: 2, to: 3, at: 195)
    let thread = script.finish(at: 200).thread(7)
    #expect(thread.run.count == 2 && thread.run.total == 15 + 5 && thread.run.min == 5 && thread.run.max == 15)
    #expect(thread.ready.count == 2 && thread.ready.total == 5 + 20 && thread.ready.max == 20)
    #expect(
      thread.spent == [
        .syscall: 10 + 5, .user: 10 + 5, .blockedInterruptible: 40, .ready: 25, .blockedUninterruptible: 5,
      ])
  }

  @Test(arguments: [Int32(0), 0x100])
  func bothWaysToReportPreemptionAreReady(_ state: Int32) {
    var script = Script(threads: [7], windowFrom: 100)
    script.switchTask(from: 7, state: state, to: 3, at: 110)
    #expect(script.finish(at: 200).thread(7).spent[.ready] == 90)
  }

  @Test(arguments: [Int32(4), 8])
  func stoppedIsCreditedToTheThreadThatStopped(_ state: Int32) {
    var script = Script(threads: [7, 8], windowFrom: 100)
    script.switchTask(from: 7, state: state, to: 8, at: 110)
    script.wake(7, at: 150)
    let snapshot = script.finish(at: 200)
    #expect(snapshot.thread(7).stopped.count == 1 && snapshot.thread(7).stopped.total == 40)
    #expect(snapshot.thread(7).spent[.stopped] == 40)
    #expect(snapshot.thread(8).stopped.count == 0)
  }

  @Test func aWakeUpBeforeTheThreadSleepsChangesNothing() {
    var script = Script(threads: [7], windowFrom: 100)
    script.switchTask(from: 0, to: 7, at: 110)
    script.wake(7, at: 120)
    script.switchTask(from: 7, state: 1, to: 0, at: 130)
    let thread = script.finish(at: 200).thread(7)
    #expect(thread.ready.count == 0)
    #expect(thread.spent[.ready] == 10)  // before its first switch-in it waited for a CPU
    #expect(thread.spent[.blockedInterruptible] == 70)
  }

  @Test func aHardInterruptInsideASoftOneCountsAsHardAndSpoilsNothing() {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 0, at: 100)
    script.softIRQ(on: 7, 3, at: 110)
    script.hardIRQ(on: 7, 27, at: 120)
    script.endHardIRQ(on: 7, 27, at: 125)
    script.endSoftIRQ(on: 7, 3, at: 140)
    script.leave(7, 0, at: 150)
    let thread = script.finish(at: 150).thread(7)
    #expect(thread.softIRQs.first?.durations.total == 30)
    #expect(thread.hardIRQs.first?.durations.total == 5 && thread.hardIRQs.first?.number == 27)
    #expect(thread.spent == [.syscall: 10 + 10, .softIRQ: 25, .hardIRQ: 5])
    #expect(thread.syscall(0)?.durations.total == 50)
  }

  @Test func anInterruptThatTheHandlerDidNotTakeIsNotCounted() {
    var script = Script(threads: [7], windowFrom: 100)
    script.hardIRQ(on: 7, 27, at: 120)
    script.endHardIRQ(on: 7, 27, handled: false, at: 125)
    let thread = script.finish(at: 150).thread(7)
    #expect(thread.hardIRQs.isEmpty && thread.spent[.hardIRQ] == 5)
  }

  /// kernel_delay.py's "longer than", and all of them where no time is given.
  @Test(arguments: [(UInt64?.none, false, [10, 30, 20, 40]), (20, false, [30, 40]), (nil, true, [30, 20])])
  func slowSyscallsAreToldOneByOne(_ threshold: UInt64?, _ skipsPoll: Bool, _ expected: [UInt64]) {
    var script = Script(threads: [7, 8], windowFrom: 100)
    script.aggregator = Aggregator(
      abi: .x86_64, syscallEvents: SyscallEventFilter(threshold: threshold, skipsPoll: skipsPoll))
    for tid in [Int32(7), 8] {
      script.aggregator.observe(ThreadObservation(pid: 1, tid: tid, name: 3, state: .runnable, mode: .unknown), at: 0)
    }
    script.enter(7, 39, at: 50)
    script.aggregator.startWindow(at: 100)
    script.leave(7, 39, at: 105)  // it began before the window
    script.enter(7, 7, at: 110)
    script.leave(7, 7, returning: -4, at: 120)
    script.enter(8, 0, at: 130)
    script.enter(7, 1, at: 150)
    script.leave(8, 0, at: 160)
    script.leave(7, 1, returning: 5, at: 170)
    script.enter(7, 7, at: 180)
    script.leave(7, 7, at: 220)
    script.enter(7, 1, at: 230)  // it ends after the window
    let snapshot = script.finish(at: 300)
    #expect(snapshot.calls.map { $0.exit - $0.entry } == expected)
    let calls = snapshot.calls
    #expect(calls.allSatisfy { $0.name == 3 })
    #expect(calls.allSatisfy { $0.tid == ($0.number == 0 ? 8 : 7) })
    #expect(snapshot.calls.first { $0.number == 1 }?.returnValue ?? 5 == 5)
    script.aggregator.startWindow(at: 300)
    #expect(script.finish(at: 400).calls.isEmpty)
  }

  @Test func aPollThatWasRunningWhenTheWindowOpenedBeginsALongPoll() {
    var script = Script(threads: [7], windowFrom: 50)
    script.enter(7, 7, at: 60)
    script.aggregator.startWindow(at: 100)
    script.leave(7, 7, at: 110)
    script.enter(7, 7, at: 150)
    let thread = script.finish(at: 200).thread(7)
    #expect(thread.longPoll.count == 1 && thread.longPoll.total == 40)
    #expect(thread.syscalls.isEmpty)
  }

  @Test func longPollIsFromTheEndOfOnePollToTheStartOfTheNext() {
    var script = Script(threads: [7], windowFrom: 100)
    for time: UInt64 in [110, 150, 170] {
      script.enter(7, 7, at: time)
      script.leave(7, 7, at: time + 5)
    }
    let thread = script.finish(at: 200).thread(7)
    #expect(thread.longPoll.count == 2 && thread.longPoll.total == 35 + 15)
    #expect(thread.longPoll.min == 15 && thread.longPoll.max == 35)
  }

  @Test func aNewThreadLivesFromItsFirstWakeUp() {
    var script = Script(threads: [7], windowFrom: 100)
    script.newTask(by: 7, 8, at: 110)
    script.wakeNew(8, at: 120)
    script.switchTask(from: 0, to: 8, at: 130, cpu: 1)
    script.leave(8, 56, at: 140)
    let thread = script.finish(at: 200).thread(8)
    #expect(thread.name == 9)
    #expect(thread.accounting.lifetime == 80)
    #expect(thread.spent == [.ready: 10, .syscall: 10, .user: 60])
    #expect(thread.ready.count == 1)
  }

  @Test func aChildProcessIsNoThread() {
    var script = Script(threads: [7], windowFrom: 100)
    script.newTask(by: 7, 8, isThread: false, at: 110)
    script.wakeNew(8, at: 120)
    script.enter(8, 0, at: 130)
    #expect(script.finish(at: 200).threads.map(\.tid) == [7])
  }

  @Test func aThreadsLifeEndsAtItsExit() {
    var script = Script(threads: [7], windowFrom: 100)
    script.switchTask(from: 0, to: 7, at: 110)
    script.exit(7, at: 150)
    script.switchTask(from: 7, state: 0x10, to: 0, at: 160)
    let thread = script.finish(at: 200).thread(7)
    #expect(thread.accounting.lifetime == 50)
    #expect(thread.run.count == 1 && thread.run.total == 40)
  }

  @Test func aReusedTidIsAnotherThread() {
    var script = Script(threads: [7, 8], windowFrom: 100)
    script.exit(8, at: 120)
    script.newTask(by: 7, 8, at: 130)
    script.wakeNew(8, at: 140)
    script.switchTask(from: 0, to: 8, at: 150)
    let threads = script.finish(at: 200).threads.filter { $0.tid == 8 }
    #expect(threads.map(\.accounting.lifetime) == [20, 60])
  }

  @Test func namesFollowRenames() {
    var script = Script(threads: [7], windowFrom: 100)
    script.rename(7, to: 33, at: 150)
    #expect(script.finish(at: 200).thread(7).name == 33)
  }

  @Test func anExecByAnotherThreadTakesOverTheLeadersTid() {
    var script = Script(threads: [7, 8], windowFrom: 100)
    script.enter(8, 59, at: 110)
    script.exit(7, at: 120)
    script.rename(7, to: 77, at: 125)  // the kernel names the tid's new owner before it tells of the exec
    script.exec(7, was: 8, at: 130)
    let unfiltered = script.aggregator.takeUnfiltered()
    #expect(unfiltered == [7])
    script.aggregator.refiltered(tid: 7, at: 150)
    script.enter(7, 39, at: 160)
    script.leave(7, 39, at: 165)
    let snapshot = script.finish(at: 200)
    let lives = snapshot.threads.filter { $0.tid == 7 }.map(\.accounting.lifetime)
    #expect(lives == [20, 70])
    #expect(snapshot.thread(8).accounting.lifetime == 30)
    #expect(snapshot.thread(7).name == 0)
    let after = snapshot.threads.last!
    #expect(after.name == 77)
    #expect(after.spent == [.unknown: 20, .user: 10 + 35, .syscall: 5])
    #expect(after.syscall(39)?.durations.count == 1)
    #expect(after.syscall(59) == nil)
  }

  @Test func theWindowOfACommandOpensAtItsExec() {
    var script = Script(threads: [7])
    script.aggregator.openWindowAtExec(of: 7)
    script.enter(7, 0, at: 10)
    script.leave(7, 0, at: 20)
    script.enter(7, 59, at: 30)
    script.exec(7, at: 40)
    script.leave(7, 59, at: 50)
    script.enter(7, 39, at: 60)
    script.leave(7, 39, at: 65)
    #expect(script.aggregator.windowStart == 40)
    let thread = script.finish(at: 100).thread(7)
    #expect(thread.syscalls.map(\.number) == [39])
    #expect(thread.accounting.lifetime == 60)
  }
}
