internal import SystemCalls
internal import TraceFormat
internal import TraceModel

/// What a recording says of the kernel that wrote its pages.
struct RecordedFormats: Sendable {
  let layout: PageLayout
  /// What turns the pages into those that a decoder reads; nil where they are such.
  let translator: PageTranslator?
  /// The formats that are there, of the records that a decoder reads.
  let formats: [TracedEvent: EventFormat]
  /// The numbers of all events whose formats are there, those that are of no interest included.
  let knownIDs: [Int]
  /// The numbering of the syscalls of the machine's own programs; nil where nothing tells which machine it was.
  let abi: SyscallABI?

  /// Reads what lies in the first of the directories that has it: `header_page`, each event's format as `formats/SYSTEM.EVENT`,
  /// or as tracefs has it below `events`, `SYSTEM/EVENT/format`, and in `kernel` what `uname -a` said.
  init(_ places: [String]) throws(TraceFileError) {
    let machine = try Self.firstText(places.map { "\($0)/kernel" })?.text.split(whereSeparator: \.isWhitespace) ?? []
    layout = try Self.readLayout(places, try Self.byteOrder(machine, places[0]))
    var found: [TracedEvent: EventFormat] = [:]
    for event in TracedEvent.allCases { found[event] = try Self.readFormat(of: event.name, places) }
    for event in TracedEvent.allCases where event.isEssential && found[event] == nil {
      throw TraceFileError(
        .malformed, places[0], "has no format of \(event.name)",
        remedy: "put the recorded kernel's events/\(event.name.path)/format of tracefs there, as "
          + "formats/\(event.name.system).\(event.name.name)")
    }
    (translator, formats) = try Self.translated(found, layout, places[0])
    knownIDs = []
    abi = Self.abi(machine)
  }

  /// What a trace.dat says.
  init(_ file: borrowing TraceDatFile) throws(TraceFileError) {
    let path = file.path
    do { layout = try PageLayout(headerPage: file.headerPage, byteOrder: file.byteOrder) } catch {
      throw TraceFileError(.malformed, path, "\(error)")
    }
    let texts = file.formats
    (translator, formats) = try Self.translated(Self.parsed(texts, path), layout, path)
    knownIDs = texts.values.compactMap { try? EventFormat.parse($0).id }
    abi = Self.abi(file.machine)
  }

  /// What a perf.data says, whose formats are in `texts`; of its samples, pages of this machine's own layout are made.
  init(perfData file: borrowing PerfFile, _ texts: [EventName: String]) throws(TraceFileError) {
    layout = .native
    formats = try Self.parsed(texts, file.path)
    translator = nil
    knownIDs = texts.values.compactMap { try? EventFormat.parse($0).id }
    abi = file.machine.map { SyscallABI(machine: $0) }
  }

  private static func parsed(
    _ texts: [EventName: String], _ path: String
  ) throws(TraceFileError) -> [TracedEvent: EventFormat] {
    var found: [TracedEvent: EventFormat] = [:]
    for event in TracedEvent.allCases {
      guard let text = texts[event.name] else { continue }
      do { found[event] = try EventFormat.parse(text) } catch {
        throw TraceFileError(.malformed, path, "the format of \(event.name): \(error)")
      }
    }
    return found
  }

  /// What translates the pages of another machine, and the formats of its records then.
  private static func translated(
    _ formats: [TracedEvent: EventFormat], _ layout: PageLayout, _ path: String
  ) throws(TraceFileError) -> (PageTranslator?, [TracedEvent: EventFormat]) {
    guard !layout.isNative else { return (nil, formats) }
    let translator = PageTranslator(layout, formats: formats.values)
    var translated: [TracedEvent: EventFormat] = [:]
    for (event, format) in formats {
      guard let format = translator.format(of: format.id) else {
        throw TraceFileError(
          .malformed, path, "the format of \(event.name): its fields do not lie one behind the other")
      }
      translated[event] = format
    }
    return (translator, translated)
  }

  /// The numbering of syscalls that the words of `uname` tell; the machine's is among the last. Nil without such words.
  private static func abi(_ words: [Substring]) -> SyscallABI? {
    words.suffix(3).lazy.map { SyscallABI(machine: $0) }.first { $0 != .other } ?? (words.isEmpty ? nil : .other)
  }

  /// The byte order of the machine that the words of `uname` tell; little-endian where they tell none.
  private static func byteOrder(_ words: [Substring], _ path: String) throws(TraceFileError) -> PageLayout.ByteOrder {
    let words = words.suffix(3)
    // MIPS has both, and one name for them.
    if words.contains("mips") || words.contains("mips64") {
      throw TraceFileError(
        .unsupported, path, "nothing tells the byte order of its MIPS machine",
        remedy: "record with trace-cmd, whose files tell it")
    }
    let big: Set<Substring> = [
      "aarch64_be", "m68k", "parisc", "parisc64", "ppc", "ppc64", "s390", "s390x", "sparc", "sparc64",
    ]
    return big.isDisjoint(with: words) ? .little : .big
  }

  /// What reads the pages. `namesTasks`: of a switch it reads the name of the task that is switched out instead of its state.
  func decoder(namesTasks: Bool = false) throws(FormatError) -> PageDecoder {
    var table = try EventTable(formats)
    if namesTasks, let format = formats[.contextSwitch] {
      try table.add(
        format, RecordReading(.contextSwitch, tid: "prev_pid", subject: "next_pid", text: "prev_comm"))
    }
    for id in knownIDs { table.ignore(id: id) }
    return PageDecoder(layout: translator == nil ? layout : .native, table: table)
  }

  private static func readLayout(
    _ places: [String], _ byteOrder: PageLayout.ByteOrder
  ) throws(TraceFileError) -> PageLayout {
    guard let (path, text) = try firstText(places.map { "\($0)/header_page" }) else {
      throw TraceFileError(
        .unreadable, places[0], "has no header_page, which says how its pages begin",
        remedy: "name a directory of raw pages, with the recorded kernel's events/header_page of tracefs beside them")
    }
    do { return try PageLayout(headerPage: text, byteOrder: byteOrder) } catch {
      throw TraceFileError(.malformed, path, "\(error)")
    }
  }

  private static func readFormat(of event: EventName, _ places: [String]) throws(TraceFileError) -> EventFormat? {
    let paths = places.flatMap { ["\($0)/formats/\(event.system).\(event.name)", "\($0)/\(event.path)/format"] }
    guard let (path, text) = try firstText(paths) else { return nil }
    do { return try EventFormat.parse(text) } catch { throw TraceFileError(.malformed, path, "\(error)") }
  }

  /// The first of the files that is there, and its text.
  private static func firstText(_ paths: [String]) throws(TraceFileError) -> (path: String, text: String)? {
    for path in paths where SystemFiles.exists(path) { return (path, try RecordedFile(path: path).text()) }
    return nil
  }
}
