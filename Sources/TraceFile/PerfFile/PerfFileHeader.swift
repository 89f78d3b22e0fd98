package import TraceFormat
internal import TraceModel

/// What a perf.data file says before its records (tools/perf/Documentation/perf.data-file-format.txt).
struct PerfFileHeader {
  /// A section of the file.
  struct Section {
    var offset: UInt64
    var size: UInt64
  }

  // struct perf_file_header: magic, size, attr_size, then three sections (attributes, records, and one that is no longer
  // written) and 256 feature bits.
  private static let size = 104
  static let magicBytes = Array("PERFILE2".utf8)
  private static let magic: UInt64 = 0x3245_4C49_4652_4550  // "PERFILE2"

  // HEADER_… bits.
  private static let tracing = 1
  private static let buildIDs = 2
  private static let architecture = 6
  private static let directoryFormat = 24
  private static let compressed = 27

  private static let eventLimit: UInt64 = 4096
  private static let identifierLimit: UInt64 = 1 << 20
  private static let featureSizeLimit: UInt64 = 64 << 20

  private(set) var events: [PerfFileEvent] = []
  /// Which event an identifier belongs to.
  private(set) var eventNumbers: [UInt64: Int] = [:]
  private(set) var buildIDs: [PerfFileBuildID] = []
  /// Where the formats of tracepoints are; nil where they are missing.
  let tracingData: Section?
  /// What `uname -m` said; nil where it is missing.
  let machineName: String?
  let records: Section
  /// Whether `perf record` was killed before it wrote how many records there are.
  let isUnfinished: Bool
  /// Whether there are fewer bytes of records than the file says.
  let isCut: Bool

  init(_ file: borrowing RecordedFile, _ unnamed: RegisterArchitecture) throws(TraceFileError) {
    guard file.size >= 16 else { throw TraceFileError(.malformed, file.path, "is no perf.data file: it is too short") }
    let head = try file.part("header", at: 0, size: min(UInt64(Self.size), file.size), limit: 1 << 10)
    switch head.word(0) {
    case Self.magic: break
    case Self.magic.byteSwapped:
      throw TraceFileError(.unsupported, file.path, "was recorded on a machine of the other byte order")
    default: throw TraceFileError(.malformed, file.path, "is no perf.data file")
    }
    guard head.word(8) != 16 else {
      throw TraceFileError(.unsupported, file.path, "is in the form for pipes; record with `perf record -o FILE`")
    }
    guard head.word(8) == UInt64(Self.size), head.bytes.count == Self.size else {
      throw TraceFileError(.malformed, file.path, "has a header of \(head.word(8)) bytes")
    }
    let (start, size) = (head.word(40), head.word(48))
    guard start <= file.size else { throw TraceFileError(.malformed, file.path, "its records lie beyond its end") }
    isUnfinished = size == 0
    isCut = size > file.size - start
    records = Section(offset: start, size: size == 0 ? file.size - start : min(size, file.size - start))
    // Where the records are cut, nothing lies behind them.
    let features = try isUnfinished || isCut ? [:] : Self.features(head, file, at: start + size)
    tracingData = features[Self.tracing]
    machineName = try Self.machineName(features[Self.architecture], file)
    let machine = try Self.machine(machineName, file) ?? unnamed
    try readEvents(head, file, machine)
    if let section = features[Self.buildIDs] {
      let part = try file.part("build ids", at: section.offset, size: section.size, limit: Self.featureSizeLimit)
      buildIDs = PerfFileBuildID.read(part)
    }
  }

  /// Behind the records, a section for each bit that is set.
  private static func features(_ head: SectionBytes, _ file: borrowing RecordedFile, at offset: UInt64)
    throws(TraceFileError) -> [Int: Section]
  {
    let bits = (0..<256).filter { head.word(72 + $0 / 64 * 8) & 1 << UInt64($0 % 64) != 0 }
    let table = try file.part("table of features", at: offset, size: UInt64(bits.count) * 16, limit: 1 << 12)
    var features: [Int: Section] = [:]
    for (place, bit) in bits.enumerated() {
      features[bit] = Section(offset: table.word(place * 16), size: table.word(place * 16 + 8))
    }
    if features[compressed] != nil {
      throw TraceFileError(.unsupported, file.path, "its records are compressed; record without `-z`")
    }
    if features[directoryFormat] != nil {
      throw TraceFileError(.unsupported, file.path, "is a part of a directory, as `perf record --threads` writes it")
    }
    return features
  }

  private static func machineName(_ section: Section?, _ file: borrowing RecordedFile) throws(TraceFileError) -> String?
  {
    guard let section else { return nil }
    // A length of 4 bytes, and as many of text.
    let part = try file.part("architecture", at: section.offset, size: section.size, limit: 1 << 10)
    return part.text(from: 4, to: part.bytes.count)
  }

  private static func machine(_ name: String?, _ file: borrowing RecordedFile) throws(TraceFileError)
    -> RegisterArchitecture?
  {
    switch name {
    case nil: return nil
    case "x86_64": return .x86_64
    case "aarch64": return .arm64
    case let other?: throw TraceFileError(.unsupported, file.path, "was recorded on a machine of type \(other)")
    }
  }

  private mutating func readEvents(
    _ head: SectionBytes, _ file: borrowing RecordedFile, _ machine: RegisterArchitecture
  ) throws(TraceFileError) {
    // An entry is the attributes, of the size that the recording perf knew, and the section of the event's identifiers.
    let each = head.word(16)
    guard each >= 64 + 16, each <= 4096 else {
      throw TraceFileError(.malformed, file.path, "has attributes of \(each) bytes")
    }
    let part = try file.part("attributes", at: head.word(24), size: head.word(32), limit: each * Self.eventLimit)
    for start in stride(from: 0, to: part.bytes.count - Int(each) + 1, by: Int(each)) {
      let attributes = SectionBytes(Array(part.bytes[start..<start + Int(each) - 16]))
      let ids = try file.part(
        "identifiers", at: part.word(start + Int(each) - 16), size: part.word(start + Int(each) - 8),
        limit: Self.identifierLimit * 8)
      guard eventNumbers.count + ids.bytes.count / 8 <= Self.identifierLimit else {
        throw TraceFileError(.malformed, file.path, "has too many identifiers")
      }
      let identifiers = (0..<ids.bytes.count / 8).map { ids.word($0 * 8) }
      for identifier in identifiers { eventNumbers[identifier] = events.count }
      guard let event = PerfFileEvent(attributes, identifiers, machine) else {
        throw TraceFileError(
          .unsupported, file.path, "has samples that are not read (sample_type \(attributes.word(24)))")
      }
      events.append(event)
    }
    guard let first = events.first else { throw TraceFileError(.malformed, file.path, "has no events") }
    // Where records do not say in a fixed place whose they are, all must be laid out alike.
    let isMarked = events.allSatisfy { $0.layout.sampleType & PerfRecordLayout.identifierFirst != 0 }
    guard isMarked || events.allSatisfy({ $0.layout == first.layout }) else {
      throw TraceFileError(.unsupported, file.path, "its events' records differ and cannot be told apart")
    }
  }
}

/// One event of a recording.
package struct PerfFileEvent: Sendable {
  package let layout: PerfRecordLayout
  /// The identifiers of the event's file descriptors, one per CPU or thread.
  package let identifiers: [UInt64]
  /// The event's type, PERF_TYPE_….
  package let type: UInt32
  /// The event's number among those of its `type`: of a tracepoint its id.
  package let configuration: UInt64
  /// The number of bytes of user stack that samples were asked for.
  package let stackBytes: UInt32
  /// The clock of all times, CLOCK_…; nil where they are of the kernel's own clock, which no other clock can be compared with.
  package let clock: Int32?

  // `struct perf_event_attr`; older versions of it end earlier.
  fileprivate init?(_ attributes: SectionBytes, _ identifiers: [UInt64], _ machine: RegisterArchitecture) {
    let flags = attributes.word(40)
    guard
      let layout = PerfRecordLayout(
        sampleType: attributes.word(24), readFormat: attributes.word(32), registerMask: attributes.word(80),
        architecture: machine, hasStamps: flags & 1 << 18 != 0)
    else { return nil }
    self.layout = layout
    self.identifiers = identifiers
    type = attributes.number(UInt32.self, at: 0)
    configuration = attributes.word(8)
    stackBytes = attributes.number(UInt32.self, at: 88)
    clock = flags & 1 << 25 != 0 ? attributes.number(Int32.self, at: 92) : nil
  }
}

/// What `perf record` noted at its end: the build id of a file that samples lie in.
package struct PerfFileBuildID: Sendable, Equatable {
  /// The pid that goes with the build id; -1 for the kernel.
  package let pid: Int32
  package let path: String
  package let buildID: [UInt8]

  /// The build-id of the file that process `pid` knows by a path.
  package init(pid: Int32, path: String, buildID: [UInt8]) {
    self.pid = pid
    self.path = path
    self.buildID = buildID
  }

  /// `struct perf_record_header_build_id` one after another: header, pid, 20 bytes and their count, path.
  static func read(_ part: SectionBytes) -> [PerfFileBuildID] {
    var found: [PerfFileBuildID] = []
    var offset = 0
    while offset + 36 <= part.bytes.count {
      let length = Int(part.number(UInt16.self, at: offset + 6))
      guard length >= 36, length <= part.bytes.count - offset else { break }
      // Before Linux 5.10 the count was not written: 20.
      let isCounted = part.number(UInt16.self, at: offset + 4) & 1 << 15 != 0
      let count = isCounted ? min(Int(part.number(UInt8.self, at: offset + 32)), 20) : 20
      found.append(
        PerfFileBuildID(
          pid: part.number(Int32.self, at: offset + 8), path: part.text(from: offset + 36, to: offset + length),
          buildID: Array(part.bytes[offset + 12..<offset + 12 + count])))
      offset += length
    }
    return found
  }
}
