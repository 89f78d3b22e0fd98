internal import TraceModel

extension Aggregator {
  mutating func hardIRQEntry(_ event: Event) {
    let thread = livingThread(event.tid)
    guard thread >= 0 else { return }
    let outer = threads.records[thread].hardFrame
    threads.records[thread].enterHardIRQ(event)
    if let outer { chargeHardIRQ(thread, outer) }
  }

  mutating func hardIRQExit(_ event: Event) {
    let thread = livingThread(event.tid)
    guard thread >= 0 else { return }
    let frame = threads.records[thread].exitHardIRQ(event)
    chargeHardIRQ(thread, frame)
    // A handler that shares its line and says "not mine" (IRQ_NONE) is not an interrupt of that name.
    let isHandled = event.detail != 0
    guard frame.start != 0, frame.irq == event.subject, isHandled else { return }
    hardIRQs.record(
      from: frame.start, to: event.timestamp, thread: Int32(truncatingIfNeeded: thread),
      number: frame.irq, name: frame.name)
  }

  mutating func softIRQEntry(_ event: Event) {
    let thread = livingThread(event.tid)
    if thread >= 0 { threads.records[thread].enterSoftIRQ(event) }
  }

  mutating func softIRQExit(_ event: Event) {
    let thread = livingThread(event.tid)
    guard thread >= 0 else { return }
    let vector = threads.records[thread].openSoftVector
    let start = threads.records[thread].exitSoftIRQ(event)
    chargeSoftIRQ(thread, vector: vector)
    guard start != 0 else { return }
    softIRQs.record(
      from: start, to: event.timestamp, thread: Int32(truncatingIfNeeded: thread),
      number: event.subject, name: 0)
  }

  private mutating func livingThread(_ tid: Int32) -> Int {
    let thread = threads.find(tid)
    return thread >= 0 && threads.records[thread].scheduling != .dead ? thread : -1
  }
}
