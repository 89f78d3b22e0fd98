import Testing
import TraceModel

@testable import Aggregator

/// Several processes are one target.
struct TargetProcessTests {
  /// Follows the children of `processes`, each with one thread that goes by its id.
  private func script(
    _ processes: [Int32], threads: [Int32: [Int32]] = [:], follows: Bool = true, windowFrom start: UInt64? = 1000
  ) -> Script {
    var script = Script()
    script.aggregator = Aggregator(
      abi: .x86_64, syscallEvents: SyscallEventFilter(threshold: nil, skipsPoll: false), followsChildren: follows)
    for pid in processes {
      for tid in [pid] + (threads[pid] ?? []) { script.observe(tid, of: pid, at: 0) }
    }
    if let start { script.aggregator.startWindow(at: start) }
    return script
  }

  @Test func aForkIsAProcessOfTheTargetWithItsParentsNumbersUntilItHasAProgramOfItsOwn() {
    var script = script([100])
    script.newTask(by: 100, 200, isThread: false, at: 1100)
    script.wakeNew(200, at: 1110)
    script.switchTask(from: 0, to: 200, at: 1120)
    script.leave(200, 56, at: 1130)
    script.call(200, 7, at: 1140)
    script.rename(200, to: 5, at: 1150)
    #expect(script.aggregator.process(of: 200) == 200)
    #expect(script.aggregator.takeTargetChanges() == [TargetChange(pid: 200, time: 1100, kind: .born(parent: 100))])
    let snapshot = script.finish(at: 2000)
    #expect(snapshot.processes.map(\.pid) == [100, 200] && snapshot.processes.map(\.name) == [0, 5])
    #expect(snapshot.childrenNotWatched == 0)
    let thread = snapshot.thread(200)
    #expect(thread.pid == 200 && snapshot.processes[thread.process].pid == 200)
    #expect(thread.syscall(7)?.durations.count == 1)
    // The first thing it did was the end of the clone that made it.
    #expect(thread.spent[.syscall] == 10 + 5 && thread.spent[.ready] == 10)
    #expect(snapshot.calls.map(\.pid) == [200])
  }

  @Test func aForkOfAForkOutlivesBoth() {
    var script = script([100])
    script.newTask(by: 100, 200, isThread: false, at: 1100)
    script.newTask(by: 200, 300, isThread: false, at: 1200)
    script.exit(200, at: 1300)
    script.exit(100, at: 1400)
    #expect(script.aggregator.livingProcesses == [300])
    #expect(script.aggregator.lastEnd == nil)
    script.call(300, 39, at: 1500)
    script.exit(300, at: 1600)
    #expect(script.aggregator.livingProcesses.isEmpty)
    #expect(script.aggregator.lastEnd == 1600)
    #expect(
      script.aggregator.takeTargetChanges() == [
        TargetChange(pid: 200, time: 1100, kind: .born(parent: 100)),
        TargetChange(pid: 300, time: 1200, kind: .born(parent: 200)), TargetChange(pid: 200, time: 1300, kind: .ended),
        TargetChange(pid: 100, time: 1400, kind: .ended), TargetChange(pid: 300, time: 1600, kind: .ended),
      ])
    #expect(script.aggregator.takeTargetChanges().isEmpty)
    let snapshot = script.finish(at: 2000)
    #expect(snapshot.thread(300).syscall(39)?.durations.count == 1)
    #expect(snapshot.processes.map(\.hasEnded) == [true, true, true])
  }

  @Test func withoutFollowingAChildIsCountedUnlessItIsATargetItself() {
    var script = script([100, 200], follows: false)
    script.newTask(by: 100, 300, isThread: false, at: 1100)
    script.newTask(by: 300, 301, isThread: false, at: 1150)
    script.call(300, 39, at: 1200)
    #expect(script.aggregator.livingProcesses == [100, 200])
    #expect(script.aggregator.isThread(300) == false)
    #expect(script.aggregator.children.seen == 1)
    // Someone finds it by its name.
    script.observe(300, of: 300, at: 1300)
    #expect(script.aggregator.livingProcesses == [100, 200, 300])
    #expect(script.aggregator.children.seen == 0 && script.aggregator.children.living == [301])
    // Its own child, whose fork is told of only now, was one of the target's from the start.
    script.newTask(by: 100, 200, isThread: false, at: 1400)
    #expect(script.finish(at: 2000).childrenNotWatched == 0)
  }

  @Test func anExecIsItsProcesssOwnAndStopsTheStreamWhereTheNumbersChange() {
    var script = script([100, 200])
    let events = [
      Event(timestamp: 1100, tid: 200, kind: .exec, cpu: 0, subject: 200, detail: 200),
      Event(timestamp: 1110, tid: 200, kind: .syscallEnter, cpu: 0, subject: 168),
    ]
    let taken = events.withUnsafeBufferPointer { script.aggregator.consume($0) }
    #expect(taken.count == 1 && taken.stops)
    #expect(script.aggregator.takeExecs() == [200])
    #expect(script.aggregator.takeExecs().isEmpty)
    script.aggregator.setABI(.i386, of: 200)
    #expect(script.aggregator.abi(of: 100) == .x86_64 && script.aggregator.abi(of: 200) == .i386)
    // 168 is i386's poll, and 7 is x86-64's.
    for (tid, number) in [(100, 168), (200, 168), (100, 7), (200, 7)] as [(Int32, Int32)] {
      script.call(tid, number, at: 1200)
      script.call(tid, number, at: 1300)
    }
    let snapshot = script.finish(at: 2000)
    #expect(snapshot.thread(100).syscall(7)?.abi == .x86_64 && snapshot.thread(200).syscall(7)?.abi == .i386)
    #expect(snapshot.thread(100).longPoll.count == 1 && snapshot.thread(200).longPoll.count == 1)
    #expect(snapshot.processes.map(\.abi) == [.x86_64, .i386])
  }

  @Test func theNumbersOfAProcessAreThoseOfAllItsThreadsAndOfTheOnesToCome() {
    var script = script([100, 200], threads: [200: [201]])
    script.aggregator.setABI(.i386, of: 200)
    script.newTask(by: 201, 202, at: 1100)
    script.newTask(by: 201, 300, isThread: false, at: 1100)
    for tid in [201, 202, 300] as [Int32] { script.call(tid, 3, at: 1200) }
    let snapshot = script.finish(at: 2000)
    for tid in [201, 202, 300] as [Int32] { #expect(snapshot.thread(tid).syscall(3)?.abi == .i386) }
  }

  @Test func anExecByAnotherThreadLeavesItsProcessAlive() {
    var script = script([100, 200], threads: [200: [201]])
    script.exit(200, at: 1100)
    script.rename(200, to: 8, at: 1110)
    script.exec(200, was: 201, at: 1120)
    #expect(script.aggregator.takeExecs() == [200])
    #expect(script.aggregator.takeUnfiltered() == [200])
    #expect(script.aggregator.livingProcesses == [100, 200])
    #expect(script.aggregator.takeTargetChanges().isEmpty)
    #expect(script.aggregator.processName(of: 200) == 8)
    script.exit(200, at: 1200)
    #expect(script.aggregator.livingProcesses == [100])
  }

  @Test func aProcessKeepsTheNameOfItsFirstThread() {
    var script = script([100], threads: [100: [101]])
    script.rename(101, to: 9, at: 1100)
    script.rename(100, to: 4, at: 1200)
    script.exit(100, at: 1300)
    script.aggregator.startWindow(at: 1400)
    script.call(101, 39, at: 1500)
    let snapshot = script.finish(at: 2000)
    #expect(snapshot.processes == [ProcessSnapshot(pid: 100, name: 4, abi: .x86_64)])
    #expect(snapshot.threads.map(\.tid) == [101])
  }

  @Test func aPidThatIsUsedAgainIsAnotherProcess() {
    var script = script([100])
    for (name, start) in [(5, 1100), (6, 1200)] as [(NameID, UInt64)] {
      script.newTask(by: 100, 200, isThread: false, at: start)
      script.wakeNew(200, at: start + 1)
      script.rename(200, to: name, at: start + 10)
      script.call(200, 39, at: start + 20)
      script.exit(200, at: start + 50)
    }
    let snapshot = script.finish(at: 2000)
    #expect(snapshot.processes.map(\.pid) == [100, 200, 200] && snapshot.processes.map(\.name) == [0, 5, 6])
    #expect(snapshot.threads.map(\.process) == [0, 1, 2])
    #expect(snapshot.threads.map { $0.syscalls.count } == [0, 1, 1])
    script.aggregator.startWindow(at: 2000)
    #expect(script.finish(at: 3000).processes.map(\.pid) == [100])
  }

  @Test func aTidOfOneProcessThatProcShowsInAnotherBelongsThere() {
    var script = script([100, 200], threads: [100: [150]])
    script.observe(150, of: 200, at: 1100)
    #expect(script.aggregator.process(of: 150) == 200)
    script.exit(100, at: 1200)
    #expect(script.aggregator.livingProcesses == [200])
  }

  /// 200 processes of ten threads each come and go in one window.
  @Test func noneOfManyThatComeAndGoIsMissed() {
    var script = script([100])
    var time: UInt64 = 1100
    for pid in stride(from: Int32(1000), to: 3000, by: 10) {
      script.newTask(by: 100, pid, isThread: false, at: time)
      script.wakeNew(pid, at: time)
      for tid in pid + 1..<pid + 10 {
        script.newTask(by: pid, tid, at: time)
        script.wakeNew(tid, at: time)
      }
      for tid in pid..<pid + 10 {
        script.call(tid, 39, at: time)
        script.exit(tid, at: time + 5)
      }
      time += 10
    }
    let snapshot = script.finish(at: time)
    #expect(snapshot.processes.count == 201 && snapshot.threads.count == 2001)
    #expect(snapshot.threads.filter { $0.syscall(39)?.durations.count == 1 }.count == 2000)
    #expect(snapshot.threads.allSatisfy { $0.tid == 100 || $0.pid == $0.tid / 10 * 10 })
    script.aggregator.startWindow(at: time)
    #expect(script.aggregator.threads.records.count == 1 && script.aggregator.processes.records.count == 1)
    #expect(script.finish(at: time + 1).threads.map(\.tid) == [100])
  }

  /// As where a start trigger is waited for, for hours.
  @Test func whatEndsBetweenWindowsIsForgotten() {
    var script = script([100], windowFrom: nil)
    var time: UInt64 = 1000
    var most = 0
    for pid in 0..<Int32(100_000) {
      script.newTask(by: 100, 1000 + pid, isThread: false, at: time)
      script.wakeNew(1000 + pid, at: time)
      script.call(1000 + pid, 39, at: time + 1)
      script.exit(1000 + pid, at: time + 9)
      time += 10
      most = max(most, script.aggregator.threads.records.count + script.aggregator.processes.records.count)
    }
    #expect(script.aggregator.takeTargetChanges().count == 200_000)
    #expect(most < 20_000)
    #expect(script.aggregator.syscalls.statistics.count < 20_000)
    // The one that is left is counted as ever.
    script.aggregator.startWindow(at: time)
    script.call(100, 39, at: time + 1)
    let snapshot = script.finish(at: time + 100)
    #expect(snapshot.threads.map(\.tid) == [100] && snapshot.thread(100).syscall(39)?.durations.count == 1)
  }

  @Test func afterALossProcessesThatCameOrWentUnseenAreReconciled() {
    var script = script([100, 200])
    script.newTask(by: 100, 300, isThread: false, at: 1050)  // its end is lost
    script.loseEvents(5, from: 1100, to: 1200, cpu: 0)
    // After the gap, so that its end will be told of.
    script.newTask(by: 100, 301, isThread: false, at: 1250)
    script.aggregator.reconcile(
      alive: [(100, 100), (400, 400), (400, 401)].map {
        ThreadObservation(pid: $0, tid: $1, name: 3, state: .runnable, mode: .unknown)
      }, at: 1300)
    #expect(script.aggregator.livingProcesses == [100, 301, 400])
    #expect(script.aggregator.takeUnfiltered() == [400, 401])
    #expect(script.aggregator.processName(of: 400) == 3)
    script.exit(301, at: 1400)
    #expect(script.aggregator.livingProcesses == [100, 400])
    let ended = script.aggregator.takeTargetChanges().filter { $0.kind == .ended }.map(\.pid)
    #expect(ended == [200, 300, 301])
  }

  @Test func aThreadThatEndsWhileItsFilterIsMendedStaysDead() {
    var script = script([100])
    script.newTask(by: 100, 101, isWorker: true, at: 1100)
    script.exit(101, at: 1200)
    script.aggregator.refiltered(tid: 101, at: 1300)
    #expect(script.aggregator.isThread(101) == false)
    script.exit(100, at: 1400)
    #expect(script.aggregator.lastEnd == 1400)
  }

  @Test func aChildHasItsParentsPendingCallsAndAnExecEndsThem() {
    var script = script([100])
    script.feed([Event(timestamp: 1100, tid: 100, kind: .returnAddress, cpu: 0, subject: 0x10, value: 0x4000)])
    script.newTask(by: 100, 200, isThread: false, at: 1200)
    func address(_ tid: Int32, _ time: UInt64) -> UInt64? {
      script.aggregator.returnAddresses.returnAddress(tid: tid, place: 0x10, at: time, besides: 0)
    }
    #expect(address(200, 1300) == 0x4000)
    script.exec(200, at: 1400)
    #expect(address(200, 1300) == 0x4000 && address(200, 1500) == nil)
    #expect(address(100, 1500) == 0x4000)
  }
}

extension Script {
  fileprivate mutating func observe(_ tid: Int32, of pid: Int32, at time: UInt64) {
    aggregator.observe(
      ThreadObservation(pid: pid, tid: tid, name: 0, state: .runnable, mode: .unknown), at: time)
  }

  /// A whole syscall of 5 ns.
  fileprivate mutating func call(_ tid: Int32, _ number: Int32, at time: UInt64) {
    enter(tid, number, at: time)
    leave(tid, number, at: time + 5)
  }

  /// As an event that comes late has it.
  @Test func aThreadThatActsAfterItsEndHarmsNothing() {
    var script = Script(threads: [1], windowFrom: 1000)
    script.exit(1, at: 1100)
    script.enter(1, 39, at: 1200)
    script.exit(1, at: 1300)
    script.aggregator.startWindow(at: 2000)
    script.rename(1, to: 7, at: 2100)
    #expect(script.aggregator.livingProcesses.isEmpty)
    #expect(script.finish(at: 3000).threads.isEmpty)
  }

  /// As hostile pages have it: the number that stands for no thread where one is remembered.
  @Test func aTidThatCannotBeIsOnlyANumber() {
    var script = Script(threads: [1, -1], windowFrom: 1000)
    for time in [UInt64(1100), 2100] {
      script.aggregator.observe(
        ThreadObservation(pid: 1, tid: -1, name: 5, state: .runnable, mode: .user), at: time)
      script.rename(-1, to: 6, at: time + 1)
      script.aggregator.startWindow(at: time + 900)
    }
    #expect(script.aggregator.livingProcesses == [1])
  }
}
