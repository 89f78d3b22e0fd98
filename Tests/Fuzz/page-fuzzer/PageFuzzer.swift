internal import Aggregator
internal import FuzzDriver
internal import TraceModel
internal import TraceSource

// The first byte chooses what the rest is taken for: a ring-buffer page, the text of an event's format, or of the page
// header. Nothing may crash, hang or read outside the input.

/// The decoder of a real kernel's formats, embedded so that a fuzzer run needs no file.
private let decoder: PageDecoder? = makeDecoder()

private func makeDecoder() -> PageDecoder? {
  var formats: [TracedEvent: EventFormat] = [:]
  for event in TracedEvent.allCases { formats[event] = try? EventFormat.parse(FuzzFormats.format(of: event)) }
  guard let layout = try? PageLayout(headerPage: FuzzFormats.headerPage), let table = try? EventTable(formats) else {
    return nil
  }
  return PageDecoder(layout: layout, table: table)
}

@_cdecl("page_fuzzer_main")
func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  var count = count
  var arguments = arguments
  return runFuzzer(&count, &arguments) { fuzzOneInput($0, $1) }
}

func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 0, let decoder else { return 0 }
  let input = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
  switch start[0] % 4 {
  case 0:
    let text = String(decoding: input, as: UTF8.self)
    if let format = try? EventFormat.parse(text) {
      _ = try? EventTable([.contextSwitch: format])
    }
  case 1:
    _ = try? PageLayout(headerPage: String(decoding: input, as: UTF8.self))
  default:
    var events = FlatArray<Event>()
    var names = NameTable()
    let summary = decoder.decode(input, cpu: 1, lastKnown: 50, into: &events, names: &names)
    precondition(summary.events <= input.count / 12)
    var aggregator = Aggregator()
    for tid in events.elements.prefix(8).map(\.tid) {
      aggregator.observe(ThreadObservation(tid: tid, name: 0, state: .runnable, mode: .unknown), at: 0)
    }
    aggregator.startWindow(at: 0)
    var rest = events.elements
    while !rest.isEmpty { rest = UnsafeBufferPointer(rebasing: rest[aggregator.consume(rest).count...]) }
    _ = aggregator.finishWindow(at: .max)
  }
  return 0
}
