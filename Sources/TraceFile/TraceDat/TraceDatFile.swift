package import TraceFormat
internal import TraceModel

/// A recording in trace-cmd's file format, version 6 or 7, whoever wrote it.
///
/// What it says of the recorded kernel is read at once; its records stay in the file (`RecordedPages`). Of a file that was cut
/// all is there that lies before the cut.
package struct TraceDatFile: ~Copyable {
  /// Whether there is all that was recorded.
  package enum End: Sendable, Equatable {
    case complete
    /// The file ends early; the text says where, as in "was cut within its options".
    case cut(String)
  }

  /// Where the text of kallsyms is.
  enum SymbolPlace: Sendable {
    case none
    /// In the file as it is, bytes from its start.
    case text(offset: UInt64, size: UInt64)
    /// In the section at this offset.
    case section(UInt64)
  }

  /// What lies in the file besides its beginning.
  struct Contents: Sendable {
    var options: [TraceDatOption]
    var metadata = TraceDatMetadata()
    var buffers: [TraceDatBuffer] = []
    var kernelSymbols = SymbolPlace.none
    var end = End.complete

    init(options: [TraceDatOption]) { self.options = options }

    func option(_ id: TraceDatOptionID) -> TraceDatOption? { options.first { $0.id == id.rawValue } }
  }

  let file: RecordedFile
  let header: TraceDatHeader
  private let contents: Contents

  /// The path that the file was opened by.
  package var path: String { file.path }
  /// The version of the format, 6 or 7.
  package var version: Int { header.version }
  /// The byte order of the machine that was recorded.
  package var byteOrder: PageLayout.ByteOrder { header.byteOrder }
  /// The number of bytes of a `long` in the user space that recorded.
  package var longSize: Int { header.longSize }
  /// `events/header_page` of the recorded kernel.
  package var headerPage: String { contents.metadata.headerPage }
  /// The format files of the recorded events, and of others; those of ftrace itself have the system "ftrace".
  package var formats: [EventName: String] { contents.metadata.formats }
  /// The ring buffers, the top one first, if the file has it.
  package var buffers: [TraceDatBuffer] { contents.buffers }
  /// The names of tasks, as the kernel remembered them at the end of the recording.
  package var commands: [Int32: String] { contents.metadata.commands }
  /// All options in the order of the file.
  package var options: [TraceDatOption] { contents.options }
  /// Whether the file was cut.
  package var end: End { contents.end }

  /// Opens a file and reads all but its records.
  package static func open(_ path: String) throws(TraceFileError) -> TraceDatFile {
    let file = try RecordedFile(path: path)
    let header = try TraceDatHeader(file)
    var contents = try header.version == 6 ? readVersion6(file, header) : readVersion7(file, header)
    guard !contents.metadata.headerPage.isEmpty, !contents.metadata.formats.isEmpty else {
      throw TraceFileError(.malformed, path, "does not say how its records are laid out: nothing of it can be read")
    }
    contents.addStatistics()
    contents.findCut(file.size)
    return TraceDatFile(file, header, contents)
  }

  private init(_ file: consuming RecordedFile, _ header: TraceDatHeader, _ contents: Contents) {
    self.file = file
    self.header = header
    self.contents = contents
  }

  /// The first option of a kind.
  package func option(_ id: TraceDatOptionID) -> TraceDatOption? { contents.option(id) }

  /// The words of `uname`; empty where the file does not have them.
  package var machine: [Substring] { option(.machine)?.text.split(whereSeparator: \.isWhitespace) ?? [] }

  /// The recorded kernel's functions, as /proc/kallsyms had them; empty where the file does not have them.
  package func kallsyms() throws(TraceFileError) -> [UInt8] {
    let limit: UInt64 = 64 << 20
    switch contents.kernelSymbols {
    case .none: return []
    case .text(let offset, let size): return try file.part("kallsyms", at: offset, size: size, limit: limit).bytes
    case .section(let offset):
      let bytes = try TraceDatSections(header: header).read(.kernelSymbols, at: offset, file)
      var cursor = TraceDatCursor(bytes, header.byteOrder)
      guard let size = try? cursor.number(UInt32.self), let text = try? cursor.block(UInt64(size)) else {
        throw TraceFileError(.malformed, file.path, "its kallsyms are cut")
      }
      return Array(text)
    }
  }

  static func latencyError(_ path: String) -> TraceFileError {
    TraceFileError(
      .unsupported, path, "holds the text of a latency tracer, and no events",
      remedy: "record events: `trace-cmd record -C mono -e raw_syscalls -e sched -e irq`")
  }

  /// The clock that `trace_clock` shows in brackets, as in "[local] global mono".
  static func chosen(_ text: String) -> String {
    guard let start = text.firstIndex(of: "[") else { return "" }
    return String(text[text.index(after: start)...].prefix { $0 != "]" })
  }
}

extension TraceDatFile.Contents {
  /// Gives each buffer its clock, where it does not say it itself, and what the kernel counted. Each CPU has an option; behind
  /// those of the top buffer there is one with an instance's name, "Buffer: NAME", before those of the instance.
  fileprivate mutating func addStatistics() {
    let clock = option(.traceClock).map { TraceDatFile.chosen($0.text) } ?? ""
    for position in buffers.indices where buffers[position].clock.isEmpty { buffers[position].clock = clock }
    var name = ""
    for option in options where option.id == TraceDatOptionID.cpuStatistics.rawValue {
      let text = option.text
      for line in text.split(separator: "\n") {
        if line.hasPrefix("Buffer: ") {
          name = String(line.dropFirst(8))
        } else if line.hasPrefix("CPU: "), let cpu = Int(line.dropFirst(5)),
          let position = buffers.firstIndex(where: { $0.name == name })
        {
          buffers[position].statistics[cpu] = text
        }
      }
    }
  }

  /// Whether the file, of `size` bytes, ends within the records.
  fileprivate mutating func findCut(_ size: UInt64) {
    guard end == .complete else { return }
    for data in buffers.lazy.flatMap(\.data) where data.offset > size || data.size > size - data.offset {
      end = .cut("within its records")
      return
    }
  }
}
