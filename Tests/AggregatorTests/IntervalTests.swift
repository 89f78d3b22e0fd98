import Testing
import TraceModel

@testable import Aggregator

/// Intervals of threads that are longer than asked for, as they are found in the stream. The target is process 1.
struct IntervalTests {
  private func intervals(
    _ kinds: [IntervalKind], longerThan length: UInt64 = 0, threads: [Int32] = [1], _ events: [Event]
  ) -> [FoundInterval] {
    var aggregator = Aggregator(abi: .x86_64)
    for tid in threads {
      aggregator.observe(ThreadObservation(pid: 1, tid: tid, name: 0, state: .runnable, mode: .unknown), at: 0)
    }
    var finder = IntervalFinder()
    for kind in kinds { finder.find(kind, longerThan: length) }
    var found: [FoundInterval] = []
    events.withUnsafeBufferPointer { all in
      var rest = all[...]
      while !rest.isEmpty {
        rest = rest.dropFirst(aggregator.consume(UnsafeBufferPointer(rebasing: rest), finding: &finder).count)
        found += finder.take()
      }
    }
    return found
  }

  private func event(
    _ kind: EventKind, _ time: UInt64, _ tid: Int32 = 1, _ subject: Int32 = 0, _ detail: Int32 = 0
  ) -> Event { Event(timestamp: time, tid: tid, kind: kind, cpu: 0, subject: subject, detail: detail) }

  private func edges(_ found: [FoundInterval]) -> [[UInt64]] { found.map { [$0.start, $0.end] } }

  @Test func aSleepEndsAtTheWakeUpAndTheWaitForACPUAtTheSwitch() {
    let events = [
      event(.contextSwitch, 100, 1, 9, 1), event(.wakeup, 150, 9, 1), event(.contextSwitch, 180, 9, 1),
      event(.contextSwitch, 200, 1, 9, 2), event(.wakeup, 260, 9, 1), event(.contextSwitch, 290, 9, 1),
    ]
    let all = intervals([.ready, .blockedInterruptible, .blockedUninterruptible], events)
    #expect(all.map(\.kind) == [.blockedInterruptible, .ready, .blockedUninterruptible, .ready])
    #expect(edges(all) == [[100, 150], [150, 180], [200, 260], [260, 290]])
    #expect(edges(intervals([.blockedInterruptible], events)) == [[100, 150]])
    #expect(intervals([.stopped, .syscall, .longPoll, .pageFault], events).isEmpty)
  }

  @Test func onlyWhatIsLongerIsFound() {
    let events = [
      event(.contextSwitch, 100, 1, 9), event(.contextSwitch, 200, 9, 1), event(.contextSwitch, 300, 1, 9),
      event(.contextSwitch, 401, 9, 1),
    ]
    #expect(edges(intervals([.ready], longerThan: 100, events)) == [[300, 401]])
  }

  @Test func syscallsHaveTheirNumberAndLongPollsLieBetweenTwoPolls() {
    let events = [
      event(.syscallEnter, 100, 1, 7), event(.syscallExit, 110, 1, 7), event(.syscallEnter, 120, 1, 202),
      event(.syscallExit, 150, 1, 202), event(.syscallEnter, 160, 1, 7), event(.syscallExit, 170, 1, 7),
    ]
    let calls = intervals([.syscall], events)
    #expect(edges(calls) == [[100, 110], [120, 150], [160, 170]] && calls.map(\.number) == [7, 202, 7])
    #expect(edges(intervals([.longPoll], events)) == [[110, 160]])
  }

  @Test func aStopEndsAtTheContinuation() {
    let events = [event(.contextSwitch, 100, 1, 9, 4), event(.wakeup, 150, 9, 1), event(.contextSwitch, 180, 9, 1)]
    #expect(edges(intervals([.stopped], events)) == [[100, 150]])
  }

  @Test func interruptsNest() {
    let events = [
      event(.softIRQEntry, 100, 1, 3), event(.hardIRQEntry, 110, 1, 40, 5), event(.hardIRQExit, 130, 1, 40, 1),
      event(.softIRQExit, 160, 1, 3), event(.hardIRQEntry, 170, 1, 41, 5), event(.hardIRQExit, 190, 1, 41, 0),
    ]
    #expect(edges(intervals([.hardIRQ], events)) == [[110, 130]])
    #expect(edges(intervals([.softIRQ], events)) == [[100, 160]])
  }

  @Test func aPageFaultLastsToTheEndOfItsLastSleep() {
    let events = [
      event(.pageFault, 100), event(.contextSwitch, 110, 1, 9, 2), event(.contextSwitch, 150, 9, 1),
      event(.contextSwitch, 160, 1, 9, 2), event(.contextSwitch, 190, 9, 1), event(.contextSwitch, 200, 1, 9),
      event(.contextSwitch, 220, 9, 1), event(.syscallEnter, 230, 1, 0), event(.pageFault, 300),
      event(.syscallEnter, 310, 1, 0),
    ]
    #expect(edges(intervals([.pageFault], events)) == [[100, 190]])
  }

  @Test func nothingIsFoundAcrossALoss() {
    let events = [
      event(.contextSwitch, 100, 1, 9, 1), event(.pageFault, 101), event(.gapStart, 110, 0),
      event(.gapEnd, 120, 0), event(.wakeup, 150, 9, 1), event(.contextSwitch, 180, 9, 1),
    ]
    #expect(
      edges(intervals([.blockedInterruptible, .pageFault, .ready], events)) == [[150, 180]])
  }

  @Test func whatHasNotEndedIsKnownToBeOpen() {
    var aggregator = Aggregator(abi: .x86_64)
    aggregator.observe(ThreadObservation(pid: 1, tid: 1, name: 0, state: .runnable, mode: .unknown), at: 0)
    var finder = IntervalFinder()
    finder.find(.syscall, longerThan: 1000)
    finder.find(.blockedInterruptible, longerThan: 1000)
    let events = [event(.syscallEnter, 100, 1, 202), event(.contextSwitch, 120, 1, 9, 1)]
    _ = events.withUnsafeBufferPointer { aggregator.consume($0, finding: &finder) }
    var open: [FoundInterval] = []
    aggregator.eachOpenInterval(of: finder, at: 500) { open.append($0) }
    #expect(Set(open.map(\.kind)) == [.syscall, .blockedInterruptible])
    #expect(Set(open.map(\.start)) == [100, 120] && open.allSatisfy { $0.end == 500 })
  }
}
