internal import Aggregator
internal import FuzzDriver
internal import TraceFormat
internal import TraceModel

// The first byte chooses what the rest is taken for: a ring-buffer page of events or of stacks, the text of an event's
// format, or of the page header. Nothing may crash, hang or read outside the input. A page may be another machine's, and is then
// translated first.

/// The decoder of a real kernel's formats, embedded so that a fuzzer run needs no file.
private let decoder: PageDecoder? = try? makeDecoder()

/// That of the events that translators know.
private let tracedDecoder: PageDecoder? = {
  var table = EventTable()
  for event in TracedEvent.allCases {
    guard let format = try? EventFormat.parse(FuzzFormats.format(of: event)) else { return nil }
    try? table.add(format, event.reading)
  }
  return PageDecoder(layout: .native, table: table)
}()

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

/// Translators of pages of each kind of machine: `bits` 1 is big endian, 2 is of 32 bits.
private let translators = (0..<4).map(makeTranslator)

private func makeTranslator(_ bits: Int) -> PageTranslator? {
  let longSize = bits & 2 == 0 ? 8 : 4
  let header = FuzzFormats.headerPage.split(separator: "\n").map { line in
    guard longSize == 4 else { return line }
    return line.contains("commit")
      ? "field: local_t commit; offset:8; size:4; signed:1;"
      : line.contains("data") ? "field: char data; offset:12; size:4084; signed:1;" : line
  }
  let formats = TracedEvent.allCases.compactMap { event -> EventFormat? in
    guard var format = try? EventFormat.parse(FuzzFormats.format(of: event)) else { return nil }
    guard longSize == 4 else { return format }
    var end = 0
    for (name, field) in format.fields.sorted(by: { $0.value.offset < $1.value.offset }) {
      let size = field.isLong ? field.size / 2 : field.size
      format.fields[name]?.offset = end
      format.fields[name]?.size = size
      end += size
    }
    return format
  }
  return (try? PageLayout(headerPage: header.joined(separator: "\n"), byteOrder: bits & 1 == 0 ? .little : .big))
    .map { PageTranslator($0, formats: formats) }
}

/// A page of another machine. The translation of this machine's own must tell the same as the page itself.
private func fuzzTranslation(_ page: UnsafeRawBufferPointer, _ bits: Int) {
  guard let decoder = tracedDecoder, let translator = translators[bits] else {
    preconditionFailure("the formats are the fuzzer's own")
  }
  let room = UnsafeMutableRawBufferPointer.allocate(byteCount: PageTranslator.room(forPageOf: page.count), alignment: 8)
  defer { room.deallocate() }
  func decode(_ page: UnsafeRawBufferPointer) -> ([Event], PageSummary) {
    var events = FlatArray<Event>()
    var names = NameTable()
    let summary = decoder.decode(page, cpu: 1, lastKnown: 50, into: &events, names: &names, stacks: KernelStackTable())
    return (Array(events.elements), summary)
  }
  let (events, summary) = decode(translator.translate(page, into: room))
  precondition(summary.events + summary.undecodable <= page.count / 4)
  guard bits == 0 else { return }
  let (plain, plainSummary) = decode(page)
  precondition(
    events.elementsEqual(plain) { ours, theirs in
      ours.timestamp == theirs.timestamp && ours.tid == theirs.tid && ours.kind == theirs.kind
        && ours.subject == theirs.subject && ours.value == theirs.value
    })
  precondition(summary.status == plainSummary.status && summary.undecodable == plainSummary.undecodable)
  precondition(summary.discarded == plainSummary.discarded && summary.missed == plainSummary.missed)
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
      for translator in translators { _ = translator.map { PageTranslator($0.layout, formats: [format]) } }
    }
  case 1:
    _ = try? PageLayout(headerPage: String(decoding: input, as: UTF8.self), byteOrder: .big)
  case 3: fuzzStacks(input)
  case _ where start[0] & 8 != 0: fuzzTranslation(input, Int(start[0] >> 4 & 3))
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
