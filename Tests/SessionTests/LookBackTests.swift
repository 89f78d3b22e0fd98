import Testing
import TraceModel

@testable import Aggregator
@testable import Session

extension SessionSettings {
  /// Of process 7, with windows of what happened.
  static func when(
    _ conditions: String..., before: UInt64 = 0, after: UInt64 = 0, lookBack: UInt64? = nil, count: Int = .max,
    bytes: Int = 1 << 20, start: Bool = false, stop: Bool = false
  ) -> SessionSettings {
    var settings = SessionSettings.script(start: start, stop: stop, count: count)
    settings.conditions = conditions.compactMap { try? Condition(parsing: $0) }
    settings.before = before
    settings.after = after
    settings.lookBack = lookBack
    settings.lookBackBytes = bytes
    return settings
  }
}

/// Windows of what has happened already, as a session makes them.
struct LookBackTests {
  private func script(_ settings: SessionSettings, threads: [Int32] = [7]) -> SessionScript {
    let facts = ScriptedFacts()
    facts.threadsByProcess = [
      7: threads.map { ThreadFacts(tid: $0, pid: 7, name: "thread-\($0)", state: .runnable) }
    ]
    let script = SessionScript(settings, facts: facts)
    script.begin(at: 1000)
    return script
  }

  /// A time in which the thread could have run and did not.
  private func ready(_ script: SessionScript, from start: UInt64, to end: UInt64, tid: Int32 = 7) {
    script.record(.contextSwitch, at: start, tid: tid, 99)
    script.record(.contextSwitch, at: end, tid: 99, tid)
  }

  private func occurrences(_ script: SessionScript) -> [[[UInt64]]] {
    script.results.map { $0.occurrences.map { [$0.start, $0.end] } }
  }

  @Test func theWindowIsTheIntervalFromItsBeginToItsEndInclusive() {
    let script = script(.when("ready>50ns"))
    ready(script, from: 1100, to: 1200)
    ready(script, from: 1300, to: 1350)
    script.read(upTo: 1150)
    #expect(script.windows.isEmpty)
    script.read(upTo: 2000)
    #expect(script.windows == [[1100, 1201]])
    let window = script.results[0]
    #expect(window.snapshot.threads[0].statistics.ready.max == 100 && window.overwritten == 0)
    #expect(window.occurrences.map(\.condition) == ["ready>50ns"] && window.occurrences[0].tid == 7)
    #expect(window.names[window.occurrences[0].name] == "thread-7" && window.occurrences[0].hasEnded)
    #expect(!script.isDone)
  }

  @Test func aSyscallIsCountedInTheWindowThatItMakes() {
    let script = script(.when("syscall:futex>50ns", before: 10, after: 20))
    script.call(202, from: 1100, to: 1200)
    script.call(1, from: 1210, to: 1300)
    script.read(upTo: 2000)
    #expect(script.windows == [[1090, 1221]])
    #expect(script.results[0].count(of: 202) == 1 && script.results[0].count(of: 1) == 0)
  }

  @Test func anotherThreadsNameDoesNotMatch() {
    let script = script(.when("ready>50ns@*-8"), threads: [7, 8])
    ready(script, from: 1100, to: 1200, tid: 7)
    ready(script, from: 1300, to: 1400, tid: 8)
    script.read(upTo: 2000)
    #expect(script.windows == [[1300, 1401]])
  }

  @Test func whatEndsInsideOfAWindowIsListedThereAndMakesItNoLonger() {
    let script = script(.when("ready>50ns", after: 100), threads: [7, 8])
    script.record(.contextSwitch, at: 1050, tid: 8, 98, cpu: 1)
    ready(script, from: 1100, to: 1200)
    script.record(.contextSwitch, at: 1250, tid: 98, 8, cpu: 1)
    ready(script, from: 1310, to: 1400)
    script.read(upTo: 2000)
    // The second one began before the first, and no window has been opened yet.
    #expect(script.windows == [[1050, 1301], [1310, 1501]])
    #expect(occurrences(script) == [[[1100, 1200], [1050, 1250]], [[1310, 1400]]])
  }

  @Test func windowsDoNotOverlap() {
    let script = script(.when("ready>50ns", before: 150), threads: [7, 8])
    ready(script, from: 1200, to: 1300)
    ready(script, from: 1320, to: 1400)
    script.read(upTo: 2000)
    #expect(script.windows == [[1050, 1301], [1301, 1401]])
    // What an earlier window has is no loss.
    #expect(script.results.allSatisfy { $0.overwritten == 0 })
  }

  @Test func whatHasNoRoomAnyMoreIsSaid() {
    // 16 events, of which the sleeper's beginning is the first to go.
    let script = script(.when("blocked>50ns", bytes: 16 * 32), threads: [7, 8])
    script.record(.contextSwitch, at: 1100, tid: 7, 99, 1)
    for index in 0..<40 { script.call(1, from: 1200 + UInt64(index) * 10, to: 1205 + UInt64(index) * 10, tid: 8) }
    script.record(.wakeup, at: 1700, tid: 99, 7)
    script.read(upTo: 2000)
    #expect(script.results.count == 1)
    let window = script.results[0]
    #expect(window.snapshot.stop == 1701 && window.snapshot.start > 1200)
    #expect(window.overwritten == window.snapshot.start - 1100)
    #expect(window.occurrences[0].start == 1100)
    // Its state is known nevertheless.
    let sleeper = window.snapshot.threads.first { $0.tid == 7 }
    #expect(sleeper?.accounting[.blockedInterruptible] == 1700 - window.snapshot.start)
    #expect(sleeper?.accounting[.ready] == 1)
  }

  @Test func whatHasNotEndedAtTheEndIsReported() {
    let script = script(.when("blocked>50ns", "ready>50ns"))
    script.record(.contextSwitch, at: 1100, tid: 7, 99, 1)
    script.cutShort(at: 1500)
    script.read(upTo: 2000)
    #expect(script.windows == [[1100, 1500]] && script.isDone)
    #expect(script.results[0].occurrences.map(\.hasEnded) == [false])
    #expect(script.results[0].occurrences[0].end == 1500)
  }

  @Test func nothingBeforeTheBeginningIsReported() {
    let script = script(.when("ready>50ns", before: 500))
    ready(script, from: 900, to: 990)
    ready(script, from: 1100, to: 1200)
    script.read(upTo: 2000)
    #expect(script.windows == [[1000, 1201]] && script.results[0].overwritten == 0)
  }

  @Test func asManyWindowsAsAreAskedForAreMade() {
    let script = script(.when("ready>50ns", count: 2))
    for start: UInt64 in [1100, 1300, 1500] { ready(script, from: start, to: start + 100) }
    script.read(upTo: 2000)
    #expect(script.windows == [[1100, 1201], [1300, 1401]] && script.isDone)
  }

  // MARK: Triggers

  @Test func aStopTriggerHasTheTimeBeforeIt() {
    let script = script(.when(lookBack: 200, count: 3, stop: true))
    script.call(1, from: 1350, to: 1360)
    script.record(.stopTrigger, at: 1400)
    script.record(.stopTrigger, at: 1500)
    script.record(.stopTrigger, at: 1900)
    script.read(upTo: 1450)
    script.read(upTo: 2000)
    #expect(script.windows == [[1200, 1400], [1400, 1500], [1700, 1900]] && script.isDone)
    #expect(script.results[0].count(of: 1) == 1 && script.results[0].stopTrigger == "t:a:stop")
    #expect(script.results.allSatisfy { $0.occurrences.isEmpty && $0.overwritten == 0 })
  }

  @Test func triggersThatTheKernelDroppedAreCountedInTheNextWindow() {
    let script = script(.when(lookBack: 200, count: 3, stop: true))
    script.record(.stopTrigger, at: 1400)
    script.record(.lostTriggers, at: 1450, value: 3)
    script.record(.stopTrigger, at: 1500)
    script.record(.lostTriggers, at: 1550, value: 2)
    script.read(upTo: 3000)
    #expect(script.results.map(\.snapshot.missedTriggers) == [0, 3])
    #expect(script.session.missedTriggers == 2)
  }

  @Test func stopTriggersWithATimeAfterThemShareAWindow() {
    let script = script(.when(after: 100, lookBack: 200, count: 3, stop: true))
    script.record(.stopTrigger, at: 1400)
    script.record(.stopTrigger, at: 1450)
    script.record(.stopTrigger, at: 1700)
    script.read(upTo: 3000)
    #expect(script.windows == [[1200, 1500], [1500, 1800]])
    #expect(script.results.map { $0.occurrences.map(\.end) } == [[1400, 1450], [1700]])
  }

  @Test func aWindowOfTriggersIsMadeIfItIsLongEnough() {
    let script = script(.when("window>100ns", start: true, stop: true))
    for (start, stop): (UInt64, UInt64) in [(1100, 1150), (1200, 1400)] {
      script.record(.startTrigger, at: start)
      script.record(.startTrigger, at: start + 10)
      script.record(.stopTrigger, at: stop)
      script.record(.stopTrigger, at: stop + 10)
    }
    script.read(upTo: 2000)
    #expect(script.windows == [[1200, 1400]] && occurrences(script) == [[[1200, 1400]]])
    #expect(script.results[0].occurrences[0].tid == 0)
  }

  // MARK: What the system is asked

  @Test func aThreadThatHasBeenSilentSinceIsSettledAndNoOther() {
    let facts = ScriptedFacts()
    func threads(ticks: UInt64) -> [ThreadFacts] {
      [7, 8, 9].map { ThreadFacts(tid: $0, pid: 7, name: "t", state: .runnable, userTicks: $0 == 7 ? 0 : ticks) }
    }
    facts.threadsByProcess = [7: threads(ticks: 0)]
    let script = SessionScript(.when("ready>50ns", after: 100), facts: facts)
    script.begin(at: 1000)
    ready(script, from: 1100, to: 1200)
    // After the window, before it is made.
    script.call(1, from: 1400, to: 1410, tid: 9)
    facts.threadsByProcess = [7: threads(ticks: 10)]
    script.read(upTo: 2000)
    #expect(script.windows == [[1100, 1301]])
    let window = script.results[0].snapshot
    #expect(window.threads.first { $0.tid == 8 }?.accounting[.user] == 201)
    #expect(window.threads.first { $0.tid == 9 }?.accounting[.unknown] == 201)
  }

  @Test func tasksThatTheFilterLacksAreAskedForAtOnceThoughTheSessionIsBehind() {
    let script = script(.when("blocked>1ns"), threads: [7, 8])
    script.record(.contextSwitch, at: 1100, tid: 8, 99, 1)
    // A worker of the kernel's (CLONE_THREAD and CLONE_UNTRACED).
    script.record(.newTask, at: 1200, tid: 7, 20, value: 0x81_0000)
    script.read(upTo: 1300)
    #expect(script.watched == [[20]])
    script.record(.wakeup, at: 1400, tid: 20, 8)
    script.read(upTo: 2000)
    #expect(script.windows == [[1100, 1401]])
  }
}
