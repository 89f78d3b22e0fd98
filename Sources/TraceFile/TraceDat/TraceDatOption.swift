package import TraceModel

/// What an option of a trace.dat is about (TRACECMD_OPTION_… of trace-cmd). In version 7 some say where a section is; its
/// header has the same number.
package enum TraceDatOptionID: UInt16, Sendable {
  case done = 0
  /// The time of day less the clock of the trace, µs, as hexadecimal text.
  case date = 1
  /// A CPU's `per_cpu/cpuN/stats`.
  case cpuStatistics = 2
  case buffer = 3
  case traceClock = 4
  /// What `uname` said.
  case machine = 5
  /// What is to be added to each time, ns, as text.
  case offset = 7
  case cpuCount = 8
  case processMaps = 10
  /// How a time stamp counter's ticks become nanoseconds.
  case counterScale = 14
  case headerInfo = 16
  case ftraceFormats = 17
  case eventFormats = 18
  case kernelSymbols = 19
  case commandLines = 21
  /// Text of a latency tracer in place of records.
  case bufferText = 22
}

/// One option of a trace.dat, of a kind that is known or not.
package struct TraceDatOption: Sendable {
  /// The kind; `TraceDatOptionID` has those that are known.
  package let id: UInt16
  package let data: SectionBytes

  /// The data as text, up to the first NUL.
  package var text: String { String(decoding: data.bytes.prefix { $0 != 0 }, as: UTF8.self) }
}
