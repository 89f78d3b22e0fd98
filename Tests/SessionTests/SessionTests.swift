import Aggregator
import Testing
import TraceModel

@testable import Session

private let getppid: Int32 = 110

struct SessionTests {
  @Test func aSignalInAWindowEndsItWhereItCame() {
    let script = SessionScript(.script(length: 1000, count: 3))
    script.begin()
    for start in stride(from: UInt64(10), to: 400, by: 10) { script.call(getppid, from: start, to: start + 5) }
    script.read(upTo: 100)
    script.cutShort(at: 200)
    script.read(upTo: 2000)
    #expect(script.windows == [[0, 200]] && script.isDone)
    // 10, 20, … 190.
    #expect(script.results[0].count(of: getppid) == 19)
  }

  @Test func aSignalBetweenWindowsReportsWhatWasRecorded() {
    let script = SessionScript(.script(length: 100, pause: 50, count: 9))
    script.begin()
    script.call(getppid, from: 10, to: 20)
    script.call(getppid, from: 160, to: 170)
    script.cutShort(at: 240)
    script.read(upTo: 1000)
    #expect(script.windows == [[0, 100], [150, 240]])
    #expect(script.results.map { $0.count(of: getppid) } == [1, 1])
  }

  @Test func anExecInAWindowChangesTheNumberingOfWhatFollows() {
    let script = SessionScript(.script(length: 100))
    script.begin()
    script.call(39, from: 10, to: 20)
    script.read(upTo: 25)
    script.facts.abis[7] = .i386
    script.record(.exec, at: 30, 7, 7)
    script.call(20, from: 40, to: 50)
    script.read(upTo: 200)
    let syscalls = script.results[0].snapshot.threads[0].syscalls
    #expect(Set(syscalls.map { "\($0.abi) \($0.number)" }) == ["x86_64 39", "i386 20"])
  }

  @Test func anExecByAnotherThreadPutsItsNewTidIntoTheFilter() {
    let script = SessionScript(.script(length: 1000))
    script.begin()
    script.record(.newTask, at: 10, 8, value: 0x10000)
    script.record(.exec, at: 30, tid: 7, 7, 8)
    script.read(upTo: 40)
    #expect(script.watched == [[7]])
    script.facts.now = 50
    script.call(39, from: 60, to: 70)
    script.read(upTo: 2000)
    #expect(script.results[0].count(of: 39) == 1)
  }

  @Test func threadsOfAWorkerThatNoEventTellsOfAreWatchedToo() {
    let script = SessionScript(.script(length: 1000))
    script.begin()
    script.record(.newTask, at: 10, 8, value: 0x810000)
    script.facts.threadsByProcess[7]?.append(
      ThreadFacts(tid: 8, pid: 7, name: "iou-wrk-7", state: .interruptible, isWorker: true))
    script.facts.threadsByProcess[7]?.append(
      ThreadFacts(tid: 9, pid: 7, name: "iou-wrk-7", state: .interruptible, isWorker: true))
    script.read(upTo: 20)
    #expect(script.watched == [[8], [9]])
    script.read(upTo: 2000)
    #expect(Set(script.results[0].snapshot.threads.map(\.tid)) == [7, 8, 9])
  }

  @Test func overlappingTriggersOfTwoThreadsAreUncertainAndEndTheGate() {
    let script = SessionScript(.script(start: true, stop: true, count: 9))
    script.gateClosesAfterStep = [true, false]
    script.begin(gateCloses: true)
    script.record(.startTrigger, at: 1_000_000, tid: 7)
    script.record(.stopTrigger, at: 2_000_000, tid: 7)
    script.record(.startTrigger, at: 2_100_000, tid: 8)
    script.record(.stopTrigger, at: 9_000_000, tid: 8)
    script.read(upTo: 10_000_000)
    #expect(script.results.map(\.gatingIsUncertain) == [false, true])
    #expect(script.gateSteps == 1)
    script.read(upTo: 11_000_000)
    #expect(script.gateSteps == 2 && !script.wantsOpenGate)
  }

  @Test func aTargetThatDiesEndsTheWindowAndItsThreads() {
    let script = SessionScript(.script(length: 1000, count: 5))
    script.begin()
    script.call(getppid, from: 10, to: 20)
    script.record(.exit, at: 300, 7)
    script.cutShort(at: 400)
    script.read(upTo: 3000)
    #expect(script.windows == [[0, 400]] && script.isDone)
    let accounting = script.results[0].snapshot.threads[0].accounting
    #expect(AccountingState.allCases.reduce(0) { $0 + accounting[$1] } == 300)
  }

  @Test func anEventThatComesLateIsCountedAndItsTriggerMovesNoTimeBackwards() {
    let script = SessionScript(.script(start: true, length: 100, count: 2))
    script.begin()
    script.read(upTo: 500)
    script.record(.startTrigger, at: 450)
    script.read(upTo: 1000)
    #expect(script.windows == [[500, 600]])
    #expect(script.stream.loss.late == 1)
  }

  @Test func aWindowsLossIsItsOwn() {
    let script = SessionScript(.script(length: 100, count: 2))
    script.begin()
    script.stream.loss.undecodable = 3
    script.read(upTo: 50)
    script.stream.loss.undecodable = 5
    script.read(upTo: 150)
    script.stream.loss.undecodable = 6
    script.read(upTo: 400)
    #expect(script.results.map(\.loss.undecodable) == [2, 1])
  }

  @Test func aGapAtAWindowsEdgeIsDividedAndNoIntervalCrossesIt() {
    let script = SessionScript(.script(length: 100, count: 2))
    script.begin()
    script.record(.syscallEnter, at: 60, getppid)
    script.record(.gapStart, at: 80, tid: 0, value: 4)
    script.record(.gapEnd, at: 130, tid: 0)
    script.record(.syscallExit, at: 140, getppid)
    script.call(getppid, from: 150, to: 160)
    script.read(upTo: 400)
    #expect(script.results.map(\.snapshot.missingTime) == [20, 30])
    #expect(script.results.map { $0.loss.events } == [4, 0])
    #expect(script.results.map { $0.count(of: getppid) } == [0, 1])
    for result in script.results {
      let accounting = result.snapshot.threads[0].accounting
      #expect(AccountingState.allCases.reduce(0) { $0 + accounting[$1] } == 100)
    }
    #expect(script.results[0].snapshot.threads[0].accounting[.unknown] >= 20)
  }

  @Test func aTriggerAtTheEdgeOfATimeWindowOpensTheNext() {
    for (second, expected) in [(UInt64(149), [[100, 150]]), (150, [[100, 150], [150, 200]])] as [(UInt64, [[UInt64]])] {
      let script = SessionScript(.script(start: true, length: 50, count: 2))
      script.begin()
      script.record(.startTrigger, at: 100)
      script.record(.startTrigger, at: second)
      script.read(upTo: 1000)
      #expect(script.windows == expected, "\(second)")
    }
  }

  @Test func theWindowOfACommandOpensAtItsExec() {
    var settings = SessionSettings.script()
    settings.isCommand = true
    let script = SessionScript(settings)
    script.begin()
    script.call(getppid, from: 10, to: 20)
    script.record(.exec, at: 100, 7, 7)
    script.call(getppid, from: 110, to: 120)
    script.read(upTo: 200)
    script.cutShort(at: 300)
    script.read(upTo: 400)
    #expect(script.windows == [[100, 300]])
    #expect(script.results[0].count(of: getppid) == 1)
  }

  @Test func aCommandsFirstWindowOpensWhereEventsAreLostBeforeItsExecIsSeen() {
    var settings = SessionSettings.script(length: 100)
    settings.isCommand = true
    let script = SessionScript(settings)
    script.begin()
    script.record(.gapStart, at: 40, tid: 0, value: 9)
    script.record(.gapEnd, at: 90, tid: 0)
    script.read(upTo: 400)
    #expect(script.windows == [[40, 140]])
  }

  @Test func aUserSpaceTriggerOfAnotherProcessDoesNothing() {
    var settings = SessionSettings.script(start: true, length: 10)
    settings.startTrigger?.isUserSpace = true
    let script = SessionScript(settings)
    script.begin()
    script.record(.startTrigger, at: 100, tid: 99)
    script.record(.startTrigger, at: 200)
    script.read(upTo: 1000)
    #expect(script.windows == [[200, 210]])
  }

  @Test func lostEventsLetTheThreadsBeListedAgain() {
    let script = SessionScript(.script(length: 1000))
    script.begin()
    script.record(.gapStart, at: 100, tid: 0, value: 7)
    script.record(.gapEnd, at: 200, tid: 0)
    script.facts.threadsByProcess[7]?.append(ThreadFacts(tid: 8, pid: 7, name: "new", state: .interruptible))
    script.read(upTo: 300)
    // The look is of then: what was recorded before it comes first.
    script.read(upTo: 301)
    #expect(script.watched.first == [8])
    script.read(upTo: 2000)
    #expect(Set(script.results[0].snapshot.threads.map(\.tid)) == [7, 8])
  }

  /// A recording cannot be asked which threads have outlived a loss: none is taken for ended, and nothing is made of their states.
  @Test func threadsThatNobodyCanListOutliveALoss() {
    let script = SessionScript(.script(length: 1000))
    script.facts.threadsByProcess[7] = [ThreadFacts(tid: 7, pid: 7, name: "target", state: .unknown)]
    script.begin()
    script.facts.knowsThreads = false
    script.facts.threadsByProcess = [:]
    script.record(.gapStart, at: 100, tid: 0, value: 7)
    script.record(.gapEnd, at: 200, tid: 0)
    script.read(upTo: 300)
    script.call(getppid, from: 400, to: 450)
    script.read(upTo: 2000)
    #expect(script.results[0].count(of: getppid) == 1)
    #expect(script.results[0].snapshot.threads[0].accounting[.unknown] == 200)
    #expect(script.results[0].snapshot.processes.map(\.hasEnded) == [false])
  }

  @Test func syscallsHaveTheNumberingOfTheSettingsWhereTheFactsKnowNone() {
    var settings = SessionSettings.script(length: 1000)
    settings.abi = .arm64
    let script = SessionScript(settings)
    script.facts.abis = [:]
    script.begin()
    script.call(73, from: 100, to: 200)
    script.read(upTo: 2000)
    #expect(script.results[0].snapshot.threads[0].syscalls.map(\.abi) == [.arm64])
  }

  @Test func aThreadThatNoEventTellsOfIsSettledByTwoLooks() {
    for (ticks, expected) in [(UInt64(9), AccountingState.user), (0, .ready)] {
      let script = SessionScript(.script(length: 1_000_000_000))
      script.begin()
      script.facts.threadsByProcess[7] = [
        ThreadFacts(tid: 7, pid: 7, name: "target", state: .runnable, userTicks: ticks)
      ]
      script.read(upTo: 2_000_000_000)
      #expect(script.results[0].snapshot.threads[0].accounting[expected] == 1_000_000_000, "\(ticks)")
    }
  }

  @Test func slowSyscallsHaveTheirWaitsAndTheNamesOfThoseWhoEndedThem() {
    var settings = SessionSettings.script(length: 1000)
    settings.slowSyscalls = SyscallEventFilter(threshold: 50, skipsPoll: false)
    let script = SessionScript(settings)
    script.facts.taskNames[99] = "waker"
    script.begin()
    script.call(getppid, from: 10, to: 20)
    script.record(.syscallEnter, at: 100, 0)
    script.record(.contextSwitch, at: 110, 0, 1)
    script.record(.waking, at: 149, tid: 99, 7)
    script.record(.wakeup, at: 150, tid: 99, 7)
    script.record(.contextSwitch, at: 160, tid: 0, 7, 0)
    script.record(.syscallExit, at: 170, 0)
    script.read(upTo: 2000)
    let slow = script.results[0].slowSyscalls
    #expect(slow.map(\.call.number) == [0])
    #expect(slow.first?.waits.map(\.wait.blocked) == [40])
    #expect(script.results[0].wakers == [99: "waker"])
    #expect(slow.first?.userStackEnd == .notSampled)
  }

  @Test func childrenAreCountedAndSaidToLiveOn() {
    let script = SessionScript(.script(length: 100))
    script.facts.children = [DescendantProcess(pid: 20, isChild: true), DescendantProcess(pid: 21, isChild: false)]
    script.begin()
    script.record(.newTask, at: 10, 30)
    script.read(upTo: 200)
    #expect(script.results[0].snapshot.childrenNotWatched == 2)
    script.facts.ended = [30]
    #expect(script.children == [2, 2])
  }

  @Test func theTargetsNameFollowsItsFirstThread() {
    let script = SessionScript(.script(length: 100, count: 2))
    script.begin()
    let name = script.stream.names.intern("renamed")
    script.record(.rename, at: 50, 7, name)
    script.read(upTo: 300)
    #expect(script.results.map(\.targetName) == ["renamed", "renamed"])
  }

  @Test func aProcessWhoseFirstThreadHasEndedKeepsItsName() {
    let facts = ScriptedFacts()
    facts.threadsByProcess[7] = [ThreadFacts(tid: 8, pid: 7, name: "worker", state: .interruptible)]
    let script = SessionScript(.script(length: 100), facts: facts)
    script.begin()
    script.read(upTo: 200)
    #expect(script.results.map(\.targetName) == ["target"])
    #expect(script.results[0].snapshot.processes.map { script.results[0].names[$0.name] } == ["target"])
  }

  @Test func aCutIsNeverBeforeWhatIsFollowedAlready() {
    let script = SessionScript(.script(length: 100, count: 3))
    script.begin()
    script.call(getppid, from: 10, to: 20)
    script.read(upTo: 150)
    // The second window is open since 100.
    script.cutShort(at: 60)
    script.read(upTo: 400)
    #expect(script.windows == [[0, 100], [100, 150]] && script.isDone)
  }

  @Test func aProcessThatIsAddedIsKnownFromThenOnWithItsOwnNumbering() {
    let script = SessionScript(.script(length: 1000))
    script.facts.threadsByProcess[20] = [20, 21].map {
      ThreadFacts(tid: $0, pid: 20, name: "added", state: .interruptible)
    }
    script.facts.abis[20] = .i386
    script.begin()
    script.read(upTo: 100)
    script.session.add(NamedProcess(pid: 20, name: "added"))
    #expect(script.session.livingProcesses == [7] && script.session.targetEnd == nil)
    script.call(20, from: 110, to: 120, tid: 21)
    script.read(upTo: 2000)
    let added = script.results[0].snapshot.threads.filter { $0.pid == 20 }
    #expect(added.map(\.tid) == [20, 21])
    #expect(added.flatMap(\.syscalls).map(\.abi) == [.i386])
    #expect(script.results[0].snapshot.processes.map(\.pid) == [7, 20])
  }
}
