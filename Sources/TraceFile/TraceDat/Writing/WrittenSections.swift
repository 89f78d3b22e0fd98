/// The sections of a version 7 file before its options: they are a row without a gap, since readers look for the strings from
/// section to section.
struct WrittenSections {
  typealias Part = TraceDatContent.Part

  /// All bytes so far, from the file's start.
  private(set) var bytes: FileBytes
  /// The options that say where the sections are.
  private(set) var options: [(id: Part, data: FileBytes)] = []
  /// Where the file says where its options are.
  private let optionsOffset: Int
  /// What sections are called, and where each text begins in the section of strings.
  private var strings = FileBytes()
  private var stringOffsets: [String: Int] = [:]

  /// The number of bytes of a section's header: its id and flags, its name, and its size, which has 8 bytes (trace-cmd's
  /// manual page of before 3.2 says 4).
  static let headerSize = 16

  /// The sections of `content`.
  init(_ content: TraceDatContent) {
    bytes = content.beginning(.seven)
    bytes.add(string: "none")  // nothing is compressed
    bytes.add(string: "")
    optionsOffset = bytes.count
    bytes.add(UInt64(0))
    let names = ["options", "strings"] + content.buffers.map(\.sectionName)
    for name in names { addString(name) }
    add(.headerInfo, "headers", content.headerInfo)
    add(.ftraceFormats, "ftrace events", content.ftraceFormats)
    add(.eventFormats, "events format", content.eventFormats)
    add(.kernelSymbols, "kallsyms", content.kernelSymbols)
    add(.printkFormats, "printk", content.printkFormats)
    add(.commandLines, "command lines", content.commandLines)
    let strings = strings
    bytes.add(header(.strings, "strings", size: UInt64(strings.count)).bytes)
    bytes.add(strings.bytes)
    bytes.set(UInt64(bytes.count), at: optionsOffset)
  }

  private mutating func addString(_ text: String) {
    stringOffsets[text] = strings.count
    strings.add(string: text)
  }

  private mutating func add(_ part: Part, _ name: String, _ data: FileBytes) {
    addString(name)
    options.append((part, TraceDatContent.number(UInt64(bytes.count))))
    bytes.add(header(part, name, size: UInt64(data.count)).bytes)
    bytes.add(data.bytes)
  }

  /// The header of a section with `size` bytes behind it.
  func header(_ part: Part, _ name: String, size: UInt64) -> FileBytes {
    var header = FileBytes()
    header.add(part.rawValue)
    header.add(UInt16(0))  // not compressed
    header.add(UInt32(stringOffsets[name] ?? 0))
    header.add(size)
    return header
  }
}

extension RecordingBuffer {
  /// What the section of the buffer's data is called.
  var sectionName: String { "buffer flyrecord \(name)" }
}
