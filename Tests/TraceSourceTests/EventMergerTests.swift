import TestSupport
import Testing
import TraceModel

@testable import TraceSource

struct EventMergerTests {
  private func event(_ time: UInt64, cpu: Int, _ number: Int32 = 0) -> Event {
    Event(timestamp: time, tid: number, kind: .wakeup, cpu: UInt16(cpu))
  }

  private func released(_ merger: inout EventMerger, before limit: UInt64) -> [Event] {
    var events: [Event] = []
    merger.release(before: limit) { events += $0 }
    return events
  }

  @Test func eventsAtTheLimitStay() {
    var merger = EventMerger(cpuCount: 1)
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
    var merger = EventMerger(cpuCount: 2)
    merger.append(to: 0) { _ = $0.append(event(10, cpu: 0)) }
    _ = released(&merger, before: 100)
    merger.append(to: 1) { _ = $0.append(event(50, cpu: 1)) }
    let passedOn = released(&merger, before: 200)
    let late = merger.late
    #expect(passedOn.count == 1)
    #expect(late == 1)
  }

  /// For random streams, chunks and watermarks: the same as sorting all events, and each CPU's order kept.
  @Test(arguments: 0..<50)
  func mergingIsSorting(_ seed: Int) {
    var random = SplitMix64(state: UInt64(seed))
    let cpuCount = Int.random(in: 1...9, using: &random)
    var merger = EventMerger(cpuCount: cpuCount)
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
}
