internal import TraceFormat
internal import TraceModel

/// What a trace.dat says of the kernel that wrote its records. Both versions have the same parts, version 6 one after the other
/// and version 7 each in a section of its own.
struct TraceDatMetadata {
  /// `events/header_page` of the recorded kernel; empty before it was read.
  private(set) var headerPage = ""
  /// The format files of the events that the file has, those of ftrace itself included.
  private(set) var formats: [EventName: String] = [:]
  /// The names of tasks, as the kernel remembered them at the end.
  private(set) var commands: [Int32: String] = [:]

  /// The formats that a file has at most; kernels have some 3,000 events.
  private static let formatLimit: UInt32 = 1 << 16

  mutating func takeHeaderInfo(_ cursor: inout TraceDatCursor) throws(TraceDatCut) {
    for title in ["header_page", "header_event"] {
      guard try cursor.string() == title else { throw TraceDatCut() }
      let text = try cursor.text(try cursor.number(UInt64.self))
      if title == "header_page" { headerPage = text }
    }
  }

  mutating func takeFtraceFormats(_ cursor: inout TraceDatCursor) throws(TraceDatCut) {
    try takeFormats(of: "ftrace", &cursor)
  }

  mutating func takeEventFormats(_ cursor: inout TraceDatCursor) throws(TraceDatCut) {
    let systems = try cursor.number(UInt32.self)
    guard systems <= Self.formatLimit else { throw TraceDatCut() }
    for _ in 0..<systems { try takeFormats(of: try cursor.string(), &cursor) }
  }

  private mutating func takeFormats(of system: String, _ cursor: inout TraceDatCursor) throws(TraceDatCut) {
    let count = try cursor.number(UInt32.self)
    guard count <= Self.formatLimit else { throw TraceDatCut() }
    for _ in 0..<count {
      let text = try cursor.text(try cursor.number(UInt64.self))
      if let name = Self.eventName(text) { formats[EventName(system, name)] = text }
    }
  }

  /// What the first line of a format file says, `name: NAME`.
  private static func eventName(_ text: String) -> String? {
    let line = text.prefix { $0 != "\n" }
    return line.hasPrefix("name: ") ? String(line.dropFirst(6)) : nil
  }

  /// Takes in `saved_cmdlines`: a line of each task, its id and its name, which may have spaces.
  mutating func takeCommands(_ cursor: inout TraceDatCursor) throws(TraceDatCut) {
    for line in try cursor.text(try cursor.number(UInt64.self)).split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      guard parts.count == 2, let task = Int32(parts[0]) else { continue }
      commands[task] = String(parts[1])
    }
  }
}
