import TestSupport
import Testing
import TraceModel

@testable import Aggregator

/// What slow syscalls were made of.
struct WaitTests {
  private func script(threshold: UInt64? = nil) -> Script {
    var script = Script(threads: [7, 8], windowFrom: 0)
    script.aggregator = Aggregator(
      abi: .x86_64, syscallEvents: SyscallEventFilter(threshold: threshold, skipsPoll: false))
    for tid in [Int32(7), 8] {
      script.aggregator.observe(ThreadObservation(pid: 1, tid: tid, name: 3, state: .runnable, mode: .user), at: 0)
    }
    script.aggregator.startWindow(at: 100)
    return script
  }

  @Test func eachSwitchOutOfASyscallIsAWaitWithItsWaker() {
    var script = script()
    script.enter(7, 0, at: 110)
    script.switchTask(from: 7, state: 1, to: 0, at: 120)
    script.waking(7, by: 55, at: 140)
    script.wake(7, at: 141)
    script.switchTask(from: 0, to: 7, at: 150)
    script.switchTask(from: 7, to: 99, at: 160)  // preempted
    script.switchTask(from: 99, to: 7, at: 190)
    script.switchTask(from: 7, state: 2, to: 0, at: 200)
    script.waking(7, by: 0, flags: 0x19, at: 230)
    script.wake(7, at: 230)
    script.switchTask(from: 0, to: 7, at: 231)
    script.leave(7, 0, at: 240)
    let snapshot = script.finish(at: 300)
    #expect(
      snapshot.waits == [
        SyscallWait(start: 120, wakeup: 141, end: 150, state: 1, waker: Waker(tid: 55, context: .task)),
        SyscallWait(start: 160, wakeup: 160, end: 190, state: 0),
        SyscallWait(start: 200, wakeup: 230, end: 231, state: 2, waker: Waker(tid: 0, context: .hardIRQ)),
      ])
    #expect(snapshot.waits.map(\.blocked) == [21, 0, 30])
    #expect(snapshot.waits.map(\.ready) == [9, 30, 1])
    #expect(snapshot.slowSyscalls.map(\.waits.count) == [3])
  }

  @Test func aWakerAmongThoseOfTheWholeMachineIsTheWaker() {
    var script = script()
    script.enter(7, 0, at: 110)
    script.switchTask(from: 7, state: 1, to: 0, at: 120)
    script.feed([Event(timestamp: 140, tid: 55, kind: .machineWaking, cpu: 0, subject: 7)])
    script.wake(7, at: 141)
    script.switchTask(from: 0, to: 7, at: 150)
    script.leave(7, 0, at: 160)
    #expect(script.finish(at: 300).waits.map(\.waker) == [Waker(tid: 55, context: .task)])
  }

  @Test func betweenWindowsNothingIsReported() {
    var script = script()
    script.enter(7, 0, at: 110)
    script.leave(7, 0, at: 120)
    #expect(script.aggregator.takeSlowSyscalls().map(\.call.entry) == [110])
    script.enter(7, 0, at: 130)
    script.leave(7, 0, at: 140)
    // What was taken is not handed over again.
    #expect(script.finish(at: 200).calls.map(\.entry) == [130])
    #expect(script.aggregator.takeSlowSyscalls().isEmpty)
    script.enter(7, 0, at: 210)
    script.leave(7, 0, at: 220)
    script.enter(8, 0, at: 230)
    #expect(script.aggregator.takeSlowSyscalls().isEmpty)
    script.aggregator.startWindow(at: 300)
    script.leave(8, 0, at: 310)
    script.enter(7, 0, at: 320)
    script.leave(7, 0, at: 330)
    #expect(script.finish(at: 400).calls.map(\.entry) == [320])
  }

  @Test func aWakerThatComesBeforeTheSwitchIsNotLost() {
    var script = script()
    script.enter(7, 0, at: 110)
    script.waking(7, by: 8, flags: 0x10, at: 119)  // on another CPU, while the thread is on its way to sleep
    script.switchTask(from: 7, state: 1, to: 0, at: 120)
    script.wake(7, at: 121)
    script.switchTask(from: 0, to: 7, at: 130)
    script.waking(7, by: 9, at: 131)  // it was running: no wait ends by this one
    script.wake(7, at: 131)
    script.switchTask(from: 7, state: 1, to: 0, at: 140)
    script.wake(7, at: 150)
    script.switchTask(from: 0, to: 7, at: 151)
    script.leave(7, 0, at: 160)
    let waits = script.finish(at: 200).waits
    #expect(waits.map(\.waker) == [Waker(tid: 8, context: .softIRQ), nil])
  }

  @Test func ofFastSyscallsAndOfUserModeNothingRemains() {
    var script = script(threshold: 50)
    script.switchTask(from: 7, to: 99, at: 105)  // in user mode
    script.switchTask(from: 99, to: 7, at: 108)
    for start in stride(from: UInt64(110), to: 110_000, by: 100) {
      script.enter(7, 0, at: start)
      script.switchTask(from: 7, state: 1, to: 8, at: start + 10)
      script.wake(7, at: start + 20)
      script.switchTask(from: 8, to: 7, at: start + 30)
      script.leave(7, 0, at: start + 40)
    }
    script.enter(7, 1, at: 200_000)
    script.switchTask(from: 7, state: 1, to: 8, at: 200_010)
    script.switchTask(from: 8, to: 7, at: 200_090)  // its wake-up was not seen
    script.leave(7, 1, at: 200_100)
    let snapshot = script.finish(at: 300_000)
    #expect(snapshot.waits == [SyscallWait(start: 200_010, wakeup: 0, end: 200_090, state: 1)])
    #expect(
      snapshot.waits.first?.blocked == 80
        && snapshot.waits.first?.ready == 0)
    #expect(script.aggregator.waits.nodeCount == 1)
  }

  @Test func aWaitAcrossAGapOrTheWindowsEdgeIsNotTold() {
    var script = script()
    script.enter(7, 0, at: 110)
    script.switchTask(from: 7, state: 1, to: 0, at: 120)
    script.loseEvents(3, from: 125, to: 140, cpu: 0)
    script.wake(7, at: 150)
    script.switchTask(from: 0, to: 7, at: 160)
    script.leave(7, 0, at: 170)
    script.enter(7, 0, at: 180)
    script.switchTask(from: 7, state: 1, to: 0, at: 190)
    #expect(script.finish(at: 200).calls.isEmpty)
    script.aggregator.startWindow(at: 200)
    script.wake(7, at: 210)
    script.switchTask(from: 0, to: 7, at: 220)
    script.leave(7, 0, at: 230)
    script.enter(7, 0, at: 240)
    script.leave(7, 0, at: 250)
    let snapshot = script.finish(at: 300)
    #expect(snapshot.calls.count == 1 && snapshot.waits.isEmpty)
  }

  @Test func whereTheSwitchInWasNotRecordedTheWaitIsCut() {
    var script = script()
    script.enter(7, 0, at: 110)
    script.switchTask(from: 7, state: 1, to: 0, at: 120)
    script.wake(7, at: 150)
    script.leave(7, 0, at: 170)
    #expect(
      script.finish(at: 200).waits == [
        cut(SyscallWait(start: 120, wakeup: 150, end: 150, state: 1))
      ])
  }

  private func cut(_ wait: SyscallWait) -> SyscallWait {
    var wait = wait
    wait.isCut = true
    return wait
  }

  @Test func theStartOfAnOpenSyscallIsKnown() {
    var script = script()
    #expect(script.aggregator.openSyscallStart(of: 7) == nil)
    script.enter(7, 0, at: 110)
    let (inside, other) = (script.aggregator.openSyscallStart(of: 7), script.aggregator.openSyscallStart(of: 8))
    #expect(inside == 110 && other == nil)
    script.leave(7, 0, at: 120)
    #expect(script.aggregator.openSyscallStart(of: 7) == nil)
  }
}
