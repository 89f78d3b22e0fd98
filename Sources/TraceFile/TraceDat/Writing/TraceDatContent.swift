internal import TraceFormat

/// What a trace.dat says besides its sub-buffers, part by part, as both versions have it (trace-cmd.dat.v6(5), .v7(5)).
struct TraceDatContent {
  let head: RecordingHead
  let buffers: [RecordingBuffer]
  let tail: RecordingTail

  /// TRACECMD_OPTION_… of trace-cmd; of a section, it is its number too.
  enum Part: UInt16 {
    case done = 0
    case cpuStatistics = 2
    case buffer = 3
    case traceClock = 4
    case machine = 5
    case cpuCount = 8
    case toolVersion = 9
    case processMaps = 10
    case identifier = 11
    case strings = 15
    case headerInfo = 16
    case ftraceFormats = 17
    case eventFormats = 18
    case kernelSymbols = 19
    case printkFormats = 20
    case commandLines = 21
  }

  /// How the file begins. The page size is the top buffer's: readers go by it there, whatever its BUFFER option says.
  func beginning(_ version: TraceDatVersion) -> FileBytes {
    var bytes = FileBytes()
    bytes.add([0x17, 0x08, 0x44])
    bytes.add("tracing".utf8)
    bytes.add(string: "\(version.rawValue)")
    bytes.add(UInt8(0))  // little-endian
    bytes.add(UInt8(MemoryLayout<Int>.size))
    bytes.add(UInt32(buffers.first?.pageSize ?? 4096))
    return bytes
  }

  var headerInfo: FileBytes {
    var bytes = FileBytes()
    bytes.add(string: "header_page")
    bytes.add(sized: head.headerPage.utf8, UInt64.self)
    bytes.add(string: "header_event")
    bytes.add(sized: head.headerEvent.utf8, UInt64.self)
    return bytes
  }

  var ftraceFormats: FileBytes {
    var bytes = FileBytes()
    Self.add(head.ftraceFormats, &bytes)
    return bytes
  }

  /// The formats of what is recorded, and that of our own notes.
  var eventFormats: FileBytes {
    let systems = head.systems + [.init(name: NoteFormat.name.system, formats: [NoteFormat.text])]
    var bytes = FileBytes()
    bytes.add(UInt32(systems.count))
    for system in systems {
      bytes.add(string: system.name)
      Self.add(system.formats, &bytes)
    }
    return bytes
  }

  private static func add(_ formats: [String], _ bytes: inout FileBytes) {
    bytes.add(UInt32(formats.count))
    for format in formats { bytes.add(sized: format.utf8, UInt64.self) }
  }

  var kernelSymbols: FileBytes {
    var bytes = FileBytes()
    bytes.add(sized: head.kallsyms, UInt32.self)
    return bytes
  }

  var printkFormats: FileBytes {
    var bytes = FileBytes()
    bytes.add(sized: head.printkFormats, UInt32.self)
    return bytes
  }

  /// As `saved_cmdlines` of tracefs: a task's id and name a line. A name with a line break in it would end early.
  var commandLines: FileBytes {
    let lines = tail.commands.sorted { $0.key < $1.key }.map { tid, name in
      "\(tid) \(name.replacing("\n", with: "?"))\n"
    }
    var bytes = FileBytes()
    bytes.add(sized: Array(lines.joined().utf8), UInt64.self)
    return bytes
  }

  /// The options that both versions have.
  var options: [(id: Part, data: FileBytes)] {
    var options: [(id: Part, data: FileBytes)] = [
      (.traceClock, Self.string("[\(buffers.first?.clock ?? "local")]")),
      (.machine, Self.string(head.machine)), (.toolVersion, Self.string(head.tool)),
      (.identifier, Self.number(head.identifier)),
    ]
    options += tail.maps.filter { !$0.files.isEmpty }.map { (.processMaps, Self.string($0.text)) }
    for (number, buffer) in buffers.enumerated() where tail.statistics.indices.contains(number) {
      let texts = tail.statistics[number].sorted { $0.key < $1.key }
      // Those of instances come behind their name, as trace-cmd has them.
      if !buffer.name.isEmpty, !texts.isEmpty {
        options.append((.cpuStatistics, Self.string("\nBuffer: \(buffer.name)\n\n")))
      }
      options += texts.map { (.cpuStatistics, Self.string("CPU: \($0.key)\n\($0.value)")) }
    }
    return options
  }

  static func string(_ text: String) -> FileBytes {
    var bytes = FileBytes()
    bytes.add(string: text)
    return bytes
  }

  static func number<Number: FixedWidthInteger>(_ number: Number) -> FileBytes {
    var bytes = FileBytes()
    bytes.add(number)
    return bytes
  }
}

extension RecordingTail.Maps {
  /// As trace-cmd writes PROCMAPS: all numbers are hexadecimal.
  fileprivate var text: String {
    func hexadecimal(_ number: some BinaryInteger) -> String { String(number, radix: 16) }
    let head = "\(hexadecimal(pid)) \(hexadecimal(files.count)) \(command.replacing("\n", with: "?"))\n"
    return files.reduce(into: head) { text, file in
      text += "\(hexadecimal(file.start)) \(hexadecimal(file.end)) \(file.path.replacing("\n", with: "?"))\n"
    }
  }
}
