import TestSupport
import Testing
import TraceModel

@testable import TraceFormat

struct EventMergerTests {
  private func event(_ time: UInt64, cpu: Int, _ number: Int32 = 0) -> Event {
    Event(timestamp: time, tid: number, kind: .wakeup, cpu: UInt16(cpu))
  }

  private func released(_ merger: inout EventMerger, before limit: UInt64) -> [Event] {
    var events: [Event] = []
    let stop = merger.release(before: limit) { run in
      events += run
      return (run.count, false)
    }
    #expect(stop == nil)
    return events
  }

  @Test func eventsAtTheLimitStay() {
    var merger = EventMerger(dataStreams: 1)
    merger.append(to: 0) { events in
      for time in [10, 20, 30] { events.append(event(UInt64(time), cpu: 0)) }
    }
    let before = released(&merger, before: 20)
    let pending = merger.pending
    let after = released(&merger, before: 31)
    #expect(before.map(\.timestamp) == [10])
    #expect(pending == 2)
    #expect(after.map(\.timestamp) == [20, 30])
  }

  @Test func anEventThatComesAfterItsTimeIsPassedOnAndCounted() {
    var merger = EventMerger(dataStreams: 2)
    merger.append(to: 0) { _ = $0.append(event(10, cpu: 0)) }
    _ = released(&merger, before: 100)
    merger.append(to: 1) { _ = $0.append(event(50, cpu: 1)) }
    let passedOn = released(&merger, before: 200)
    let late = merger.late
    #expect(passedOn.count == 1)
    #expect(late == 1)
  }

  @Test func aTriggerComesBeforeWhatHappensAtItsInstant() {
    for triggersFirst in [true, false] {
      var merger = EventMerger(dataStreams: 2, triggerStreams: 1)
      for position in triggersFirst ? [2, 0, 1] : [0, 1, 2] {
        merger.append(to: position) { events in
          for time in [10, 20, 30] {
            var event = event(UInt64(time), cpu: position, Int32(position))
            if position == 2 { event.kind = .startTrigger }
            events.append(event)
          }
        }
      }
      let merged = released(&merger, before: 100)
      #expect(merged.map(\.timestamp) == [10, 10, 10, 20, 20, 20, 30, 30, 30])
      #expect([0, 3, 6].allSatisfy { merged[$0].kind == .startTrigger })
    }
  }

  @Test func whoeverStopsGetsTheRestLater() {
    var merger = EventMerger(dataStreams: 2)
    for cpu in 0..<2 {
      merger.append(to: cpu) { events in
        for time in 0..<100 { events.append(event(UInt64(10 * time + cpu), cpu: cpu)) }
      }
    }
    var taken: [Event] = []
    var stops: [UInt64] = []
    while let stop = merger.release(
      before: .max,
      { run in
        let position = run.firstIndex { $0.timestamp % 70 == 0 }
        taken += run[...(position ?? run.count - 1)]
        return ((position ?? run.count - 1) + 1, position != nil)
      })
    { stops.append(stop.timestamp) }
    let pending = merger.pending
    #expect(pending == 0 && taken.count == 200)
    #expect(taken.map(\.timestamp) == taken.map(\.timestamp).sorted())
    #expect(stops == (0..<15).map { $0 * 70 })
  }

  /// For random streams, chunks and watermarks: the same as sorting all events, and each CPU's order kept.
  @Test(arguments: 0..<50)
  func mergingIsSorting(_ seed: Int) {
    var random = SplitMix64(state: UInt64(seed))
    let cpuCount = Int.random(in: 1...9, using: &random)
    var merger = EventMerger(dataStreams: cpuCount)
    var all: [Event] = []
    var merged: [Event] = []
    var clock = Array(repeating: UInt64(1), count: cpuCount)
    var number: Int32 = 0
    for _ in 0..<20 {
      for cpu in 0..<cpuCount {
        for _ in 0..<Int.random(in: 0...40, using: &random) {
          clock[cpu] += UInt64.random(in: 0...30, using: &random)
          number += 1
          let event = event(clock[cpu], cpu: cpu, number)
          all.append(event)
          merger.append(to: cpu) { _ = $0.append(event) }
        }
      }
      // What is before every CPU's last event cannot grow any more.
      merged += released(&merger, before: clock.min()!)
    }
    merged += released(&merger, before: .max)
    let (late, pending) = (merger.late, merger.pending)
    #expect(late == 0 && pending == 0)
    #expect(merged.map(\.timestamp) == all.map(\.timestamp).sorted())
    for cpu in 0..<cpuCount {
      let numbers = merged.filter { $0.cpu == cpu }.map(\.tid)
      #expect(numbers == numbers.sorted())
    }
  }

  /// Where no total order is wanted, each event that is not local still comes after all that is earlier, of whatever CPU,
  /// and before all that is later.
  @Test(arguments: 0..<50)
  func localEventsOfOneCPUGoTogetherUpToOneThatIsNot(_ seed: Int) {
    var random = SplitMix64(state: UInt64(seed))
    let cpuCount = Int.random(in: 1...5, using: &random)
    var merger = EventMerger(dataStreams: cpuCount, triggerStreams: 1, keepsTotalOrder: false)
    var merged: [Event] = []
    var count = 0
    var clock = Array(repeating: UInt64(1), count: cpuCount + 1)
    for _ in 0..<20 {
      for stream in 0...cpuCount {
        for _ in 0..<Int.random(in: 0...40, using: &random) {
          clock[stream] += UInt64.random(in: 0...30, using: &random)
          var event = event(clock[stream], cpu: stream, Int32(count))
          let isBarrier = Int.random(in: 0..<10, using: &random) == 0
          event.kind = stream == cpuCount ? .startTrigger : isBarrier ? .wakeup : .syscallEnter
          merger.append(to: stream) { _ = $0.append(event) }
          count += 1
        }
      }
      merged += released(&merger, before: clock.min()!)
    }
    merged += released(&merger, before: .max)
    let (late, pending) = (merger.late, merger.pending)
    #expect(late == 0 && pending == 0 && merged.count == count)
    for stream in 0...cpuCount {
      let numbers = merged.filter { $0.cpu == stream }.map(\.tid)
      #expect(numbers == numbers.sorted())
    }
    for (position, event) in merged.enumerated() where !event.kind.isLocal {
      let tag = event.kind.isTrigger ? 0 : 1
      let before = merged[..<position].filter { $0.cpu != event.cpu }
      #expect(before.allSatisfy { $0.timestamp < event.timestamp + UInt64(tag) })
      #expect(merged[position...].allSatisfy { $0.timestamp >= event.timestamp })
    }
  }

  @Test func localEventsOfBusyCPUsComeInLongRuns() {
    for (keepsTotalOrder, runs) in [(true, 200), (false, 2)] {
      var merger = EventMerger(dataStreams: 2, keepsTotalOrder: keepsTotalOrder)
      for cpu in 0..<2 {
        merger.append(to: cpu) { events in
          for time in 0..<100 {
            events.append(Event(timestamp: UInt64(10 * time + cpu), tid: 1, kind: .syscallEnter, cpu: UInt16(cpu)))
          }
        }
      }
      var seen = 0
      _ = merger.release(before: .max) { run in
        seen += 1
        return (run.count, false)
      }
      #expect(seen == runs)
    }
  }
}
