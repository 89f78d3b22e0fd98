internal import TraceModel

extension Aggregator {
  mutating func contextSwitch(_ event: Event) {
    let isComplete = openGaps.isEmpty
    let previous = threads.find(event.tid)
    if previous >= 0, threads.records[previous].scheduling != .dead {
      threads.records[previous].switchOut(event, isComplete: isComplete)
    }
    let next = threads.find(event.subject)
    if next >= 0, threads.records[next].scheduling != .dead {
      threads.records[next].switchIn(event)
    }
  }

  mutating func wakeup(_ event: Event) {
    let isComplete = openGaps.isEmpty
    let thread = threads.find(event.subject)
    if thread >= 0 { threads.records[thread].wake(at: event.timestamp, isComplete: isComplete) }
  }
}
