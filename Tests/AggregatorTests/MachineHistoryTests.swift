import Testing
import TraceModel

@testable import Aggregator

@Suite struct MachineHistoryTests {
  private static let sleeping: Int32 = 1

  private static func holders(
    _ history: inout MachineHistory, cpu: UInt16 = 0, from: UInt64, to: UInt64, waiting: Int32 = 99
  ) -> [CPUHolding] {
    var holdings = FlatArray<CPUHolding>()
    history.holders(ofCPU: cpu, from: from, to: to, waiting: waiting, into: &holdings)
    return Array(holdings.elements)
  }

  private static func path(
    _ history: inout MachineHistory, of tid: Int32, from: UInt64, to: UInt64, limit: Int = 64
  ) -> [PathPiece] {
    var pieces = FlatArray<PathPiece>()
    history.path(of: tid, from: from, to: to, limit: limit, into: &pieces)
    return pieces.elements.reversed()
  }

  private static func by(_ tid: Int32) -> Waker { Waker(tid: tid, context: .task) }

  @Test func whoGotTheCPUAndGivesItUpHadItBetween() {
    var history = MachineHistory(capacity: 64, isComplete: false)
    history.switched(at: 100, cpu: 0, from: 7, state: 0, to: 5)
    history.switched(at: 300, cpu: 0, from: 5, state: 0, to: 7)
    #expect(
      Self.holders(&history, from: 150, to: 300) == [CPUHolding(start: 150, end: 300, holder: .task, tid: 5)])
  }

  @Test func aSwitchThatWasNotRecordedMakesTheHolderUnknown() {
    var history = MachineHistory(capacity: 64, isComplete: false)
    history.switched(at: 100, cpu: 0, from: 7, state: 0, to: 5)
    history.switched(at: 300, cpu: 0, from: 6, state: 0, to: 7)
    #expect(Self.holders(&history, from: 100, to: 300).map(\.holder) == [.unknown])
  }

  @Test func interruptsAreToldApartFromTheTaskThatTheyLandOn() {
    var history = MachineHistory(capacity: 64, isComplete: true)
    history.switched(at: 100, cpu: 0, from: 7, state: 0, to: 5)
    history.interrupt(begins: true, at: 150, cpu: 0)
    history.interrupt(begins: true, at: 160, cpu: 0)
    history.interrupt(begins: false, at: 170, cpu: 0)
    history.interrupt(begins: false, at: 180, cpu: 0)
    history.interrupt(begins: true, at: 290, cpu: 1)
    history.switched(at: 300, cpu: 0, from: 5, state: 0, to: 0)
    let seen = Self.holders(&history, from: 120, to: 350)
    #expect(seen.map(\.holder) == [.task, .interrupt, .task, .idle])
    #expect(seen.map(\.start) == [120, 150, 180, 300])
    #expect(seen.last?.end == 350)
  }

  @Test func aLongWaitIsKnownHoweverManyInterruptsThereWereInIt() {
    var history = MachineHistory(capacity: 8192, isComplete: true)
    history.switched(at: 100, cpu: 0, from: 99, state: 0, to: 5)
    for number in 0..<UInt64(2000) {
      history.interrupt(begins: true, at: 200 + number * 10, cpu: 0)
      history.interrupt(begins: false, at: 203 + number * 10, cpu: 0)
    }
    let holdings = Self.holders(&history, from: 100, to: 30_000)
    #expect(holdings.filter { $0.holder == .unknown } == [])
    #expect(holdings.filter { $0.holder == .interrupt }.reduce(0) { $0 + $1.length } == 6000)
  }

  @Test func theWaitingThreadAtTheEdgeGivesItsPieceToTheNeighbour() {
    var history = MachineHistory(capacity: 64, isComplete: true)
    history.switched(at: 90, cpu: 0, from: 0, state: 0, to: 7)
    history.switched(at: 110, cpu: 0, from: 7, state: 0, to: 5)
    history.switched(at: 300, cpu: 0, from: 5, state: 0, to: 7)
    let seen = Self.holders(&history, from: 100, to: 310, waiting: 7)
    #expect(seen.allSatisfy { $0.holder == .task && $0.tid == 5 })
    #expect(seen.reduce(0) { $0 + $1.length } == 210)
  }

  @Test func whatIsOpenIsKnownOnlyWhereAllSwitchesAreFed() {
    for isComplete in [true, false] {
      var history = MachineHistory(capacity: 64, isComplete: isComplete)
      history.switched(at: 100, cpu: 0, from: 7, state: 0, to: 5, nextIsFollowed: false)
      #expect(Self.holders(&history, from: 100, to: 200).map(\.holder) == [isComplete ? .task : .unknown])
    }
  }

  @Test func whatWasOverwrittenIsUnknownAndNeverWrong() {
    var history = MachineHistory(capacity: 16, isComplete: true)
    for turn in 0..<100 {
      history.switched(
        at: UInt64(turn * 10), cpu: 0, from: Int32(turn % 2 + 1), state: 0, to: Int32((turn + 1) % 2 + 1))
    }
    let seen = Self.holders(&history, from: 0, to: 990)
    #expect(seen.first?.holder == .unknown)
    #expect(seen.first?.end == 840)
    #expect(seen.reduce(0) { $0 + $1.length } == 990)
  }

  @Test func aGapHidesWhatWasBeforeIt() {
    var history = MachineHistory(capacity: 64, isComplete: true)
    history.switched(at: 100, cpu: 0, from: 7, state: 0, to: 5)
    history.gap(at: 200, cpu: 0)
    history.switched(at: 300, cpu: 0, from: 5, state: 0, to: 7)
    let seen = Self.holders(&history, from: 100, to: 300)
    #expect(seen.map(\.holder) == [.unknown, .task])
    #expect(seen.map(\.start) == [100, 200])
    #expect(Self.path(&history, of: 7, from: 100, to: 400).map(\.doing) == [.unknown, .running])
  }

  /// A ← B ← C: what C computed is why A waited.
  @Test func thePathOfASleeperGoesThroughThoseWhoWakeEachOther() {
    var history = MachineHistory(capacity: 64, isComplete: true)
    history.switched(at: 90, cpu: 1, from: 0, state: 0, to: 3)
    history.switched(at: 95, cpu: 0, from: 0, state: 0, to: 2)
    history.switched(at: 100, cpu: 0, from: 2, state: Self.sleeping, to: 1)
    history.switched(at: 110, cpu: 0, from: 1, state: Self.sleeping, to: 0)
    history.woken(2, at: 500, cpu: 1, by: Self.by(3))
    history.switched(at: 510, cpu: 0, from: 0, state: 0, to: 2)
    history.woken(1, at: 520, cpu: 0, by: Self.by(2))
    history.switched(at: 530, cpu: 0, from: 2, state: Self.sleeping, to: 1)
    let path = Self.path(&history, of: 1, from: 100, to: 540)
    #expect(path.map(\.tid) == [1, 3, 2, 2, 1, 1])
    #expect(path.map(\.doing) == [.running, .running, .ready, .running, .ready, .running])
    #expect(path.map(\.start) == [100, 110, 500, 510, 520, 530])
    #expect(path.map(\.depth) == [0, 2, 1, 1, 0, 0])
    let longest = Self.path(&history, of: 1, from: 110, to: 520).max { $0.length < $1.length }
    #expect(longest?.tid == 3)
    #expect(longest?.doing == .running)
  }

  @Test func aSleepThatAnInterruptEndsStaysWithTheSleeper() {
    var history = MachineHistory(capacity: 64, isComplete: true)
    history.switched(at: 100, cpu: 0, from: 1, state: Self.sleeping, to: 0)
    history.woken(1, at: 400, cpu: 0, by: Waker(tid: 0, context: .hardIRQ))
    history.switched(at: 410, cpu: 0, from: 0, state: 0, to: 1)
    let path = Self.path(&history, of: 1, from: 100, to: 420)
    #expect(path.map(\.doing) == [.blocked, .ready, .running])
    #expect(path.first?.wokenBy == .interrupt)
  }

  @Test func aPathThatIsTooLongEndsWithOneUnknownPiece() {
    var history = MachineHistory(capacity: 1024, isComplete: true)
    for turn in 0..<100 {
      history.switched(
        at: UInt64(turn * 10), cpu: 0, from: Int32(turn % 2 + 1), state: 0, to: Int32((turn + 1) % 2 + 1))
    }
    let path = Self.path(&history, of: 1, from: 5, to: 990, limit: 10)
    #expect(path.count == 11)
    #expect(path.first?.doing == .unknown)
    #expect(path.reduce(0) { $0 + $1.length } == 985)
  }

  @Test func whoGivesUpTheCPUFirstHadItSinceTheRecordsBegan() {
    var history = MachineHistory(capacity: 64, isComplete: true)
    history.begin(at: 50)
    history.interrupt(begins: true, at: 60, cpu: 0)
    history.interrupt(begins: false, at: 70, cpu: 0)
    history.switched(at: 200, cpu: 0, from: 5, state: 0, to: 7)
    let seen = Self.holders(&history, from: 40, to: 200)
    #expect(seen.map(\.holder) == [.unknown, .task])
    #expect(seen.last == CPUHolding(start: 50, end: 200, holder: .task, tid: 5))
  }

  @Test func theTimesOfCPUsAreIdleBusyOrUnknown() {
    var history = MachineHistory(capacity: 64, isComplete: true)
    history.switched(at: 100, cpu: 0, from: 5, state: 0, to: 0)
    history.switched(at: 150, cpu: 0, from: 0, state: 0, to: 5)
    history.switched(at: 200, cpu: 0, from: 6, state: 0, to: 0)
    let times = history.takeCPUTimes(upTo: 230)
    #expect(times.map(\.idle) == [80])
    #expect(times.map(\.unknown) == [50])
    #expect(history.takeCPUTimes(upTo: 240).map(\.idle) == [10])
  }
}
