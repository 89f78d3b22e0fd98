internal import Aggregator
internal import FuzzDriver
internal import TraceFormat
internal import TraceModel

// The first byte chooses what the rest is taken for: a ring-buffer page of events or of stacks, the text of an event's
// format, or of the page header. Nothing may crash, hang or read outside the input.

/// The decoder of a real kernel's formats, embedded so that a fuzzer run needs no file.
private let decoder: PageDecoder? = try? makeDecoder()

/// That of the whole machine's records.
private let machineDecoder: PageDecoder? = try? makeMachineDecoder()

private func makeDecoder() throws -> PageDecoder? {
  var table = EventTable()
  for event in TracedEvent.allCases {
    try table.add(try EventFormat.parse(FuzzFormats.format(of: event)), event.reading)
  }
  for event in CauseEvent.allCases {
    try table.add(try EventFormat.parse(FuzzFormats.format(of: event)), event.reading)
  }
  try table.add(try EventFormat.parse(FuzzFormats.kernelStack), .kernelStack)
  return layout.map { PageDecoder(layout: $0, table: table) }
}

private func makeMachineDecoder() throws -> PageDecoder? {
  var table = EventTable()
  for event in MachineEvent.allCases {
    try table.add(try EventFormat.parse(FuzzFormats.format(of: event.event)), event.reading)
  }
  return layout.map { PageDecoder(layout: $0, table: table) }
}

private let layout = try? PageLayout(headerPage: FuzzFormats.headerPage)

private func stackFormat() -> FtraceStackFormat? {
  guard let switchOut = try? EventFormat.parse(FuzzFormats.format(of: .contextSwitch)),
    let syscallExit = try? EventFormat.parse(FuzzFormats.format(of: .syscallExit)),
    let kernelStack = try? EventFormat.parse(FuzzFormats.kernelStack),
    let userStack = try? EventFormat.parse(FuzzFormats.userStack)
  else { return nil }
  return try? FtraceStackFormat(
    switchOut: switchOut, syscallExit: syscallExit, kernelStack: kernelStack, userStack: userStack)
}
private let format = stackFormat()

/// A page twice, so that samples go on from one to the next.
private func fuzzStacks(_ page: UnsafeRawBufferPointer) {
  guard let layout, let format else { preconditionFailure("the formats are the fuzzer's own") }
  // Of the fixture's workload.
  var stacks = FtraceStackDecoder(layout: layout, format: format, pids: [13422], cpu: 1)
  var store = StackSampleStore(byteLimit: 65536, largestStack: 64, deepestCallchain: 64)
  for _ in 0..<2 {
    let summary = stacks.decode(page, into: &store)
    precondition(summary.events + summary.undecodable <= page.count / 4)
  }
  stacks.finish(before: .max, into: &store)
}

@_cdecl("page_fuzzer_main")
func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  var count = count
  var arguments = arguments
  return runFuzzer(&count, &arguments) { fuzzOneInput($0, $1) }
}

func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 0 else { return 0 }
  guard let decoder, let machineDecoder else { preconditionFailure("the formats are the fuzzer's own") }
  let input = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
  switch start[0] % 4 {
  case 0:
    let text = String(decoding: input, as: UTF8.self)
    if let format = try? EventFormat.parse(text) {
      _ = try? EventTable([.contextSwitch: format])
    }
  case 1:
    _ = try? PageLayout(headerPage: String(decoding: input, as: UTF8.self))
  case 3: fuzzStacks(input)
  default:
    var events = FlatArray<Event>()
    var names = NameTable()
    // The machine's events first, then the target's: a history and states that contradict each other.
    if start[0] & 4 != 0 {
      _ = machineDecoder.decode(
        input, cpu: 1, lastKnown: 50, into: &events, names: &names, stacks: KernelStackTable())
    }
    let summary = decoder.decode(input, cpu: 1, lastKnown: 50, into: &events, names: &names, stacks: KernelStackTable())
    precondition(summary.events <= input.count / 12)
    var aggregator = Aggregator(causes: start[0] & 4 != 0 ? .machine : .target)
    for tid in events.elements.prefix(8).map(\.tid) {
      aggregator.observe(ThreadObservation(pid: 1, tid: tid, name: 0, state: .runnable, mode: .unknown), at: 0)
    }
    aggregator.startWindow(at: 0)
    var rest = events.elements
    while !rest.isEmpty { rest = UnsafeBufferPointer(rebasing: rest[aggregator.consume(rest).count...]) }
    _ = aggregator.finishWindow(at: .max)
  }
  return 0
}
