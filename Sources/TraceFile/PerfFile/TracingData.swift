internal import TraceFormat
internal import TraceModel

/// What perf.data holds of the tracepoints that were recorded: the beginning of a trace.dat of version 6 (`HEADER_TRACING_DATA`,
/// trace-cmd.dat.v6(5)).
package struct TracingData: Sendable, Equatable {
  /// The text of tracefs's `events/header_page`; perf wants it though it reads no pages.
  package var headerPage: String
  /// The text of `events/header_event`.
  package var headerEvent: String
  /// The text of each event's `format`, by its system.
  package var formats: [(system: String, formats: [String])]

  /// The formats of tracepoints and of what they are recorded in.
  package init(headerPage: String, headerEvent: String, formats: [(system: String, formats: [String])]) {
    self.headerPage = headerPage
    self.headerEvent = headerEvent
    self.formats = formats
  }

  package static func == (one: TracingData, other: TracingData) -> Bool { one.bytes == other.bytes }

  /// The section as it stands in a file.
  var bytes: [UInt8] {
    var section = FileBytes()
    section.add(Self.magic)
    section.add(string: "0.6")
    // Little-endian; the size of a long, and of a page.
    section.add(UInt8(0))
    section.add(UInt8(8))
    section.add(UInt32(4096))
    for (name, text) in [("header_page", headerPage), ("header_event", headerEvent)] {
      section.add(string: name)
      section.add(UInt64(text.utf8.count))
      section.add(text.utf8)
    }
    // Formats of the system `ftrace`: none.
    section.add(UInt32(0))
    section.add(UInt32(formats.count))
    for (system, formats) in formats {
      section.add(string: system)
      section.add(UInt32(formats.count))
      for format in formats {
        section.add(UInt64(format.utf8.count))
        section.add(format.utf8)
      }
    }
    // No names of functions, no texts of trace_printk, no names of tasks: these are in other places.
    section.add(UInt32(0))
    section.add(UInt32(0))
    section.add(UInt64(0))
    return section.bytes
  }

  private static let magic: [UInt8] = [0x17, 0x08, 0x44] + Array("tracing".utf8)

  /// The formats in a section of a file. Throws where it ends within them, or is something else.
  static func formats(_ section: SectionBytes) throws(TraceDatCut) -> [EventName: String] {
    guard section.bytes.starts(with: magic) else { throw TraceDatCut() }
    var cursor = TraceDatCursor(section, .little, offset: magic.count)
    _ = try cursor.string()
    // The byte order, and the sizes of a long and of a page.
    _ = try cursor.block(6)
    var metadata = TraceDatMetadata()
    try metadata.takeHeaderInfo(&cursor)
    try metadata.takeFtraceFormats(&cursor)
    try metadata.takeEventFormats(&cursor)
    return metadata.formats
  }
}
