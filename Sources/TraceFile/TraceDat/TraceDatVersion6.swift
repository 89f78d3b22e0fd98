internal import TraceFormat
internal import TraceModel

/// The parts of a trace.dat of version 6, which lie one after the other; the file says nowhere where they are.
extension TraceDatFile {
  /// More than all parts before the records take.
  private static let headLimit: UInt64 = 64 << 20
  /// The word in front of options and of records has 10 bytes.
  private static let wordSize: UInt64 = 10
  private static let cpuLimit: UInt32 = 1 << 16

  static func readVersion6(
    _ file: borrowing RecordedFile, _ header: TraceDatHeader
  ) throws(TraceFileError) -> Contents {
    let head = try file.part("header", at: 0, size: min(headLimit, file.size), limit: headLimit)
    var cursor = TraceDatCursor(head, header.byteOrder, offset: header.end)
    var contents = Contents(options: [])
    var isCut = false
    do throws(TraceDatCut) {
      try contents.metadata.takeHeaderInfo(&cursor)
      try contents.metadata.takeFtraceFormats(&cursor)
      try contents.metadata.takeEventFormats(&cursor)
    } catch {
      throw TraceFileError(
        .malformed, file.path,
        "was cut, or damaged, within its header: without the formats of its events nothing can be read")
    }
    var word = ""
    var cpus: UInt32 = 0
    do throws(TraceDatCut) {
      try contents.takeTail(&cursor)
      cpus = try cursor.number()
      word = try cursor.text(wordSize)
      if word.hasPrefix("options") {
        contents.options = try options(&cursor)
        word = try cursor.text(wordSize)
      }
      if let count = contents.option(.cpuCount) {
        var number = TraceDatCursor(count.data, header.byteOrder)
        cpus = try number.number()
      }
      if word.hasPrefix("flyrecord"), cpus <= cpuLimit {
        contents.buffers = [try buffer(named: "", cpus, &cursor, contents, header)]
      }
    } catch {
      isCut = true
    }
    if word.hasPrefix("latency") { throw latencyError(file.path) }
    if !isCut, contents.buffers.isEmpty {
      throw TraceFileError(.malformed, file.path, "has no records where they should be")
    }
    if isCut { contents.end = .cut("within its header") } else { try readInstances(&contents, cpus, file, header) }
    return contents
  }

  private static func options(_ cursor: inout TraceDatCursor) throws(TraceDatCut) -> [TraceDatOption] {
    var options: [TraceDatOption] = []
    while case let id = try cursor.number(UInt16.self), id != TraceDatOptionID.done.rawValue {
      let size = try cursor.number(UInt32.self)
      options.append(TraceDatOption(id: id, data: SectionBytes(Array(try cursor.block(UInt64(size))))))
    }
    return options
  }

  /// The instances' buffers: a BUFFER option says where each is and what it is called.
  private static func readInstances(
    _ contents: inout Contents, _ cpus: UInt32, _ file: borrowing RecordedFile, _ header: TraceDatHeader
  ) throws(TraceFileError) {
    for option in contents.options where option.id == TraceDatOptionID.buffer.rawValue {
      var cursor = TraceDatCursor(option.data, header.byteOrder)
      guard let offset = try? cursor.number(UInt64.self), let name = try? cursor.string() else { continue }
      // A word, of each CPU two numbers of 8 bytes, and the clock's text.
      let wanted = wordSize + UInt64(cpus) * 16 + 4096
      guard offset < file.size else {
        contents.end = .cut("before its instance '\(name)'")
        continue
      }
      let bytes = try file.part("instance", at: offset, size: min(wanted, file.size - offset), limit: headLimit)
      var part = TraceDatCursor(bytes, header.byteOrder)
      guard let word = try? part.text(wordSize), word.hasPrefix("flyrecord"),
        let buffer = try? buffer(named: name, cpus, &part, contents, header)
      else {
        contents.end = .cut("within its instance '\(name)'")
        continue
      }
      contents.buffers.append(buffer)
    }
  }

  /// Where the data of each CPU are; behind it the text of `trace_clock`, if there is an option of that name.
  private static func buffer(
    named name: String, _ cpus: UInt32, _ cursor: inout TraceDatCursor, _ contents: Contents, _ header: TraceDatHeader
  ) throws(TraceDatCut) -> TraceDatBuffer {
    var data: [TraceDatBuffer.Data] = []
    for cpu in 0..<cpus {
      let (offset, size) = (try cursor.number(UInt64.self), try cursor.number(UInt64.self))
      if size > 0 { data.append(TraceDatBuffer.Data(cpu: Int(cpu), offset: offset, size: size)) }
    }
    var clock = ""
    if contents.option(.traceClock) != nil, var rest = Optional(cursor),
      let text = try? rest.text(try rest.number(UInt64.self))
    {
      clock = chosen(text)
    }
    return TraceDatBuffer(name: name, clock: clock, pageSize: header.pageSize, isCompressed: false, data: data)
  }
}

extension TraceDatFile.Contents {
  /// What comes between the formats and the number of CPUs: kallsyms, the formats of printk, and the names of tasks.
  fileprivate mutating func takeTail(_ cursor: inout TraceDatCursor) throws(TraceDatCut) {
    let size = UInt64(try cursor.number(UInt32.self))
    kernelSymbols = .text(offset: UInt64(cursor.offset), size: size)
    _ = try cursor.block(size)
    _ = try cursor.block(UInt64(try cursor.number(UInt32.self)))
    try metadata.takeCommands(&cursor)
  }
}
