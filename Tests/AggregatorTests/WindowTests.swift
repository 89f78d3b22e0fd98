import Testing
import TraceModel

@testable import Aggregator

struct WindowTests {
  @Test func whatIsOpenAtTheEndCarriesOverAsTimeOnly() {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 0, at: 110)
    let first = script.finish(at: 200).thread(7)
    script.aggregator.startWindow(at: 200)
    script.leave(7, 0, at: 250)
    let second = script.finish(at: 300).thread(7)
    #expect(first.syscalls.isEmpty && second.syscalls.isEmpty)
    #expect(first.spent == [.user: 10, .syscall: 90])
    #expect(second.spent == [.syscall: 50, .user: 50])
  }

  @Test func theDeadAreReportedOnce() {
    var script = Script(threads: [7, 8], windowFrom: 100)
    script.exit(8, at: 150)
    #expect(script.finish(at: 200).threads.map(\.tid) == [7, 8])
    script.aggregator.startWindow(at: 200)
    #expect(script.finish(at: 300).threads.map(\.tid) == [7])
  }

  @Test func aThreadWithoutAnEventIsWhatProcSays() {
    var script = Script()
    script.aggregator.observe(
      ThreadObservation(pid: 1, tid: 7, name: 1, state: .interruptible, mode: .syscall), at: 90)
    script.aggregator.observe(ThreadObservation(pid: 1, tid: 8, name: 2, state: .runnable, mode: .unknown), at: 90)
    script.aggregator.startWindow(at: 100)
    #expect(script.aggregator.silentThreads == [SilentThread(pid: 1, tid: 8, isRunning: false)])
    script.aggregator.resolve(tid: 8, running: true, mode: .user)
    let snapshot = script.finish(at: 200)
    #expect(snapshot.thread(7).spent == [.blockedInterruptible: 100])
    #expect(snapshot.thread(8).spent == [.user: 100])
  }

  @Test func aThreadThatNobodyCanTellOfIsUnknown() {
    var script = Script(threads: [7], windowFrom: 100)
    #expect(script.finish(at: 200).thread(7).spent == [.unknown: 100])
  }

  @Test func whatEventsSayIsNotOverruledByProc() {
    var script = Script(threads: [7], windowFrom: 100)
    script.switchTask(from: 7, state: 2, to: 0, at: 110)
    script.aggregator.observe(
      ThreadObservation(pid: 1, tid: 7, name: 1, state: .interruptible, mode: .syscall), at: 120)
    #expect(script.finish(at: 200).thread(7).spent[.blockedUninterruptible] == 90)
  }
}

struct TriggerWindowTests {
  @Test func consumingStopsAtEachTrigger() {
    var script = Script(threads: [7], windowFrom: 100)
    let events = [EventKind.startTrigger, .stopTrigger, .startStopTrigger].enumerated().flatMap { position, kind in
      [
        Event(timestamp: UInt64(110 + 10 * position), tid: 7, kind: .wakeup, cpu: 0),
        Event(timestamp: UInt64(115 + 10 * position), tid: 7, kind: kind, cpu: 0),
      ]
    }
    var stops: [Int] = []
    events.withUnsafeBufferPointer { all in
      var rest = all[...]
      while !rest.isEmpty {
        let (count, isStop) = script.aggregator.consume(UnsafeBufferPointer(rebasing: rest))
        stops.append(isStop ? count : -count)
        rest = rest.dropFirst(count)
      }
    }
    #expect(stops == [2, 2, 2])
  }

  @Test func withoutARecordBeforeTheWindowTheFirstSyscallEventTellsTheMode() {
    var script = Script(threads: [7, 8, 9], windowFrom: 100)
    for tid in [Int32(7), 8, 9] {
      script.switchTask(from: 0, to: tid, at: 110, cpu: UInt16(tid))
      script.enter(tid, 0, at: 120)
    }
    _ = script.finish(at: 150)
    script.aggregator.startWindow(at: 200, forgettingModes: true)
    script.enter(7, 39, at: 210)
    script.leave(8, 0, at: 230)
    let snapshot = script.finish(at: 300)
    #expect(snapshot.thread(7).spent == [.user: 10, .syscall: 90])
    #expect(snapshot.thread(8).spent == [.syscall: 30, .user: 70])
    #expect(snapshot.thread(9).spent == [.unknown: 100])
  }

  @Test func aProbeInUserSpaceTellsTheModeOfItsThread() {
    var script = Script(threads: [7], windowFrom: 100)
    script.switchTask(from: 0, to: 7, at: 110)
    script.aggregator.startWindow(at: 200, forgettingModes: true)
    script.aggregator.isInUserMode(7, at: 200)
    #expect(script.finish(at: 300).thread(7).spent == [.user: 100])
    script.aggregator.startWindow(at: 300, forgettingModes: true)
    script.aggregator.isInUserMode(7, at: 400)
    #expect(script.finish(at: 400).thread(7).spent == [.user: 100])
  }

  @Test func missedTriggersAreToldByTheNextWindow() {
    var script = Script(threads: [7], windowFrom: 100)
    script.feed([Event(timestamp: 110, tid: 0, kind: .lostTriggers, cpu: 0, value: 3)])
    script.feed([Event(timestamp: 112, tid: 0, kind: .lostTriggers, cpu: 0)])
    script.aggregator.missedTriggers += 4
    let (first, second) = (script.finish(at: 200), script.finish(at: 300))
    #expect(first.missedTriggers == 7 && first.lostEvents.isEmpty && first.discardedIntervals == 0)
    #expect(second.missedTriggers == 0)
  }

  @Test func callsOfTheTargetsThreadsAreKeptUntilTheyMayBeOver() {
    var script = Script(threads: [7], windowFrom: 100)
    func call(_ tid: Int32, at time: UInt64) {
      script.feed([
        Event(timestamp: time, tid: tid, kind: .returnAddress, cpu: 0, subject: -16, value: Int64(bitPattern: .max - 5))
      ])
    }
    func returnAddress(_ tid: Int32, at time: UInt64) -> UInt64? {
      let returns = PendingReturns(script.aggregator.returnAddresses, tid: tid, at: time)
      return returns.returnAddress(at: 0x7FFE_FFFF_FFF0, besides: 1)
    }
    call(7, at: 110)
    call(8, at: 110)
    #expect(returnAddress(7, at: 120) == .max - 5 && returnAddress(8, at: 120) == nil)
    script.feed([Event(timestamp: 130, tid: 0, kind: .lostTriggers, cpu: 0, value: 1)])
    #expect(returnAddress(7, at: 129) == .max - 5 && returnAddress(7, at: 131) == nil)
    call(7, at: 140)
    script.exec(7, at: 150)
    #expect(returnAddress(7, at: 149) == .max - 5 && returnAddress(7, at: 151) == nil)
  }

  @Test func upcallsAreCountedByResultAndCPU() {
    var script = Script(threads: [7], windowFrom: 100)
    for (result, cpu) in [(0, 0), (0, 1), (-11, 1), (0, 1)] {
      script.feed([Event(timestamp: 110, tid: 0, kind: .upcall, cpu: UInt16(cpu), subject: Int32(result))])
    }
    #expect(
      script.finish(at: 200).upcalls == [
        UpcallCount(result: 0, cpu: 0, count: 1), UpcallCount(result: 0, cpu: 1, count: 2),
        UpcallCount(result: -11, cpu: 1, count: 1),
      ])
    script.aggregator.startWindow(at: 200)
    #expect(script.finish(at: 300).upcalls.isEmpty)
  }
}

struct LossTests {
  @Test func noIntervalIsComputedAcrossAGap() {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 0, at: 110)
    script.loseEvents(5, from: 120, to: 150, cpu: 0)
    script.leave(7, 0, at: 160)
    let snapshot = script.finish(at: 200)
    #expect(snapshot.thread(7).syscalls.isEmpty)
    #expect(snapshot.discardedIntervals == 1)
    #expect(snapshot.lostEvents == [0: 5])
    // The exit tells that it was in a syscall since the end of the gap, and not a moment before.
    #expect(snapshot.thread(7).spent == [.user: 10 + 40, .syscall: 10 + 10, .unknown: 30])
  }

  @Test func everyWindowThatAGapReachesIntoSaysSo() {
    var script = Script(threads: [7], windowFrom: 100)
    script.feed([
      Event(timestamp: 120, tid: 0, kind: .gapStart, cpu: 0, value: 5),
      Event(timestamp: 130, tid: 0, kind: .gapStart, cpu: 1, value: 5),
      Event(timestamp: 140, tid: 0, kind: .gapEnd, cpu: 0),
    ])
    let first = script.finish(at: 200)
    script.aggregator.startWindow(at: 200)
    script.aggregator.isInUserMode(7, at: 200)
    let second = script.finish(at: 300)
    script.aggregator.startWindow(at: 310)
    script.feed([Event(timestamp: 320, tid: 0, kind: .gapEnd, cpu: 1)])
    let third = script.finish(at: 400)
    #expect([first, second, third].map(\.missingTime) == [80, 100, 10])
    #expect([first, second, third].map(\.lostEvents) == [[0: 5, 1: 5], [:], [:]])
    #expect(second.thread(7).spent == [.unknown: 100])
  }

  @Test func aCommandsExecMayBeAmongTheLost() {
    var script = Script(threads: [7])
    script.aggregator.openWindowAtExec(of: 7)
    script.enter(7, 59, at: 30)
    script.loseEvents(1000, from: 40, to: 90, cpu: 0)
    script.enter(7, 39, at: 100)
    let isWaiting = script.aggregator.isWaitingForExec
    let snapshot = script.finish(at: 200)
    #expect(!isWaiting && snapshot.start == 40)
    #expect(snapshot.thread(7).spent == [.unknown: 50, .user: 10, .syscall: 100])
  }

  @Test func aThreadOnACPUWithoutLossKeepsItsSyscall() {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 0, at: 110)
    script.loseEvents(5, from: 120, to: 150, cpu: 1)
    script.leave(7, 0, at: 160)
    let snapshot = script.finish(at: 200)
    #expect(snapshot.thread(7).syscall(0)?.durations.total == 50)
    #expect(snapshot.discardedIntervals == 0)
  }

  @Test func aSleeperMayHaveRunOnTheSilentCPU() {
    var script = Script(threads: [7], windowFrom: 100)
    script.switchTask(from: 7, state: 1, to: 0, at: 110)
    script.loseEvents(5, from: 120, to: 150, cpu: 1)
    script.wake(7, at: 170)
    script.switchTask(from: 0, to: 7, at: 180)
    let thread = script.finish(at: 200).thread(7)
    #expect(thread.spent[.blockedInterruptible] == 10)
    // 150…170: it waited, but nobody knows how; and its mode before 110 and after 180.
    #expect(thread.spent[.unknown] == 50 + 10 + 20)
    #expect(thread.ready.total == 10)
  }

  @Test func threadsThatCameOrWentInAGapAreReconciled() {
    var script = Script(threads: [7, 8], windowFrom: 100)
    script.loseEvents(5, from: 120, to: 150, cpu: 0)
    script.aggregator.reconcile(
      alive: [7, 9].map { ThreadObservation(pid: 1, tid: $0, name: 4, state: .runnable, mode: .unknown) }, at: 160)
    script.enter(9, 39, at: 170)
    script.leave(9, 39, at: 175)
    let snapshot = script.finish(at: 200)
    #expect(snapshot.thread(8).accounting.lifetime == 60)
    #expect(snapshot.thread(9).accounting.lifetime == 40)
    #expect(snapshot.thread(9).syscall(39)?.durations.count == 1)
  }
}
