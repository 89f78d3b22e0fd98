internal import TraceModel

extension Aggregator {
  mutating func hardIRQEntry(_ event: Event) {
    let thread = livingThread(event.tid)
    guard thread >= 0 else { return }
    let outer = threads.records[thread].hardFrame
    threads.records[thread].enterHardIRQ(event)
    if let outer { chargeHardIRQ(thread, outer, takeHardIRQTime(of: thread)) }
  }

  mutating func hardIRQExit(_ event: Event) {
    let thread = livingThread(event.tid)
    guard thread >= 0 else { return }
    let frame = threads.records[thread].exitHardIRQ(event)
    let exclusive = takeHardIRQTime(of: thread)
    // A handler that shares its line and says "not mine" (IRQ_NONE) is not an interrupt of that name.
    let isHandled = event.detail != 0
    guard frame.start != 0, frame.irq == event.subject, isHandled else {
      return chargeHardIRQ(thread, frame, exclusive)
    }
    hardIRQs.record(
      from: frame.start, to: event.timestamp, thread: Int32(truncatingIfNeeded: thread),
      number: frame.irq, name: frame.name, exclusive: exclusive)
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
    let exclusive = takeSoftIRQTime(of: thread)
    guard start != 0 else { return chargeSoftIRQ(thread, vector: vector, exclusive) }
    softIRQs.record(
      from: start, to: event.timestamp, thread: Int32(truncatingIfNeeded: thread),
      number: event.subject, name: 0, exclusive: exclusive)
  }

  private mutating func livingThread(_ tid: Int32) -> Int {
    let thread = threads.find(tid)
    return thread >= 0 && threads.records[thread].scheduling != .dead ? thread : -1
  }
}
