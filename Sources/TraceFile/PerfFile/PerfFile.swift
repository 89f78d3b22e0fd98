package import TraceFormat
package import TraceModel

/// A recording of `perf record`, in a file.
///
/// Its records are found once, front to back, and then read one by one in any order: perf writes what it drains from one
/// CPU's ring after the other, so that neighbours in time can lie far apart. In memory are 24 bytes a record and one record.
///
/// Whatever the file holds: records that cannot be decoded are counted, and where no record can begin is said by `end`.
package struct PerfFile: ~Copyable {
  /// Why there are no more records.
  package enum End: Sendable, Equatable {
    /// The records end where the file says that they do.
    case complete
    /// `perf record` was killed: it did not write how many records there are. All that are whole were read.
    case unfinished
    /// The file ends within its records.
    case cut
    /// Nothing at this offset of the file can be a record.
    case malformed(offset: UInt64)
  }

  /// Where a record of the kernel lies in the file.
  package struct Place: Sendable, BitwiseCopyable {
    /// The record's offset, bytes from the file's start.
    package let offset: UInt64
    /// The record's time by the recording's clock, ns; 0 for what was so before the recording began.
    package let timestamp: UInt64
    /// The record's length, bytes.
    package let length: UInt16
    /// The number of the record's event in `events`.
    package let event: UInt16
    /// The CPU that the record is of; nil where it does not say.
    package var cpu: Int? { cpuNumber == .max ? nil : Int(cpuNumber) }
    fileprivate let cpuNumber: UInt16
    /// Whether it is a sample, or tells of lost records.
    package let kind: Kind
  }

  /// What of a record is known without decoding it.
  package enum Kind: UInt8, Sendable, BitwiseCopyable {
    case sample, loss, task, other
  }

  /// The most records that a file may have; a recording of a day has some ten million.
  private static let limit = 1 << 26
  // PERF_RECORD_… of perf's own, for its files alone.
  private static let firstOfPerf: UInt32 = 64
  private static let auxiliaryTrace: UInt32 = 71
  private static let compressed: Set<UInt32> = [81, 83]

  private let file: RecordedFile
  private let header: PerfFileHeader
  /// What decodes the records of each event.
  let decoders: [PerfRecordDecoder]
  private let buffer: UnsafeMutableRawBufferPointer
  /// The kernel's records in the order of the file.
  package private(set) var places: [Place] = []
  package private(set) var end: End = .complete
  /// The processes that there are samples of; 0 is that of the CPUs' idle tasks.
  private(set) var sampledProcesses: Set<Int32> = []
  private var recentProcess: Int32 = -1
  /// The number of records that could not be decoded so far.
  package private(set) var malformed: UInt64 = 0

  /// What was recorded; never empty.
  package var events: [PerfFileEvent] { header.events }
  /// Where the file is.
  var path: String { file.path }
  /// What the recorded machine is called by `uname -m`; nil where the file does not tell, or was cut.
  var machine: String? { header.machineName }

  /// The formats of the recorded tracepoints; nil where they are missing, as they are where the file was cut.
  func tracepointFormats() throws(TraceFileError) -> [EventName: String]? {
    guard let section = header.tracingData else { return nil }
    let part = try file.part("tracepoints' formats", at: section.offset, size: section.size, limit: 64 << 20)
    do { return try TracingData.formats(part) } catch {
      throw TraceFileError(.malformed, file.path, "its tracepoints' formats are damaged")
    }
  }

  /// What the file says of the mapped files' build ids; empty where it was cut.
  package var buildIDs: [PerfFileBuildID] { header.buildIDs }

  /// Opens a file and finds its records. `architecture`: of a recording that does not say what machine it is from.
  package static func open(_ path: String, architecture: RegisterArchitecture = .native) throws(TraceFileError)
    -> PerfFile
  {
    let file = try RecordedFile(path: path)
    let header = try PerfFileHeader(file, architecture)
    var opened = PerfFile(file, header)
    try opened.findPlaces()
    return opened
  }

  /// Whether there is a perf.data file at a path, by its first bytes.
  static func isPerfFile(_ path: String) -> Bool {
    guard let file = try? RecordedFile(path: path), let head = try? file.part("head", at: 0, size: 8, limit: 8) else {
      return false
    }
    return head.bytes == PerfFileHeader.magicBytes || head.bytes == PerfFileHeader.magicBytes.reversed()
  }

  private init(_ file: consuming RecordedFile, _ header: PerfFileHeader) {
    self.file = file
    self.header = header
    decoders = header.events.map { PerfRecordDecoder(layout: $0.layout) }
    buffer = .allocate(byteCount: 1 << 20, alignment: 8)
  }

  deinit { buffer.deallocate() }

  // MARK: Finding

  private mutating func findPlaces() throws(TraceFileError) {
    let last = header.records.offset + header.records.size
    var offset = header.records.offset
    end = header.isUnfinished ? .unfinished : .complete
    while offset < last {
      let wanted = Int(min(UInt64(buffer.count), last - offset))
      let count = try file.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
      let chunk = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])
      let taken = try findPlaces(in: chunk, at: offset)
      offset += taken.bytes
      if taken.isMalformed { return end = .malformed(offset: offset) }
      // No whole record is left: the file is shorter than it says, or ends within one.
      if taken.bytes == 0 { return end = header.isUnfinished ? .unfinished : .cut }
    }
    if offset > last || header.isCut { end = .cut }
  }

  /// The whole records in `chunk`, which lies at `offset` in the file.
  private mutating func findPlaces(in chunk: UnsafeRawBufferPointer, at offset: UInt64) throws(TraceFileError)
    -> (bytes: UInt64, isMalformed: Bool)
  {
    var start = 0
    while chunk.count - start >= PerfRecordDecoder.headerSize {
      let rest = UnsafeRawBufferPointer(rebasing: chunk[start...])
      let type = rest.loadUnaligned(as: UInt32.self)
      let length = Int(rest.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
      guard length >= PerfRecordDecoder.headerSize else { return (UInt64(start), true) }
      guard length <= rest.count else { break }
      let place = offset + UInt64(start)
      if type < Self.firstOfPerf {
        try note(UnsafeRawBufferPointer(rebasing: rest[..<length]), type, at: place)
      } else if Self.compressed.contains(type) {
        throw TraceFileError(.unsupported, file.path, "its records are compressed; record without `-z`")
      } else if type == Self.auxiliaryTrace, length >= 16 {
        // A processor's trace follows, which the record's own length does not cover.
        let (next, overflow) = (UInt64(start) + UInt64(length)).addingReportingOverflow(
          rest.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        return overflow || next > file.size ? (UInt64(start), true) : (next, false)
      }
      start += length
    }
    return (UInt64(start), false)
  }

  private mutating func note(_ record: UnsafeRawBufferPointer, _ type: UInt32, at offset: UInt64) throws(TraceFileError)
  {
    guard places.count < Self.limit else { throw TraceFileError(.unsupported, file.path, "has too many records") }
    let event = event(of: record, type)
    places.append(
      Place(
        offset: offset, timestamp: decoders[event].timestamp(record), length: UInt16(record.count),
        event: UInt16(event), cpuNumber: UInt16(clamping: decoders[event].cpu(record) ?? .max),
        kind: Self.kind(of: type)))
    if type == PerfRecordDecoder.sample, let pid = decoders[event].process(record), pid != recentProcess {
      recentProcess = pid
      sampledProcesses.insert(pid)
    }
  }

  private static func kind(of type: UInt32) -> Kind {
    switch type {
    case PerfRecordDecoder.sample: .sample
    case PerfRecordDecoder.lost: .loss
    case PerfRecordDecoder.comm, PerfRecordDecoder.fork, PerfRecordDecoder.exit: .task
    default: .other
    }
  }

  /// Whose record it is: its identifier is a sample's first field, and the last one of others'. What perf made up itself has
  /// none, and is laid out as the first event's.
  private func event(of record: UnsafeRawBufferPointer, _ type: UInt32) -> Int {
    let layout = decoders[0].layout
    guard decoders.count > 1, layout.sampleType & PerfRecordLayout.identifierFirst != 0, record.count >= 16 else {
      return 0
    }
    let isSample = type == PerfRecordDecoder.sample
    guard isSample || layout.hasStamps else { return 0 }
    let place = isSample ? PerfRecordDecoder.headerSize : record.count - 8
    return header.eventNumbers[record.loadUnaligned(fromByteOffset: place, as: UInt64.self)] ?? 0
  }

  // MARK: Reading

  /// Passes on all records in the order of time, those of the same time as they lie in the file. The bytes are those of the
  /// record, which its spans refer to; they are valid during the call.
  package mutating func forEachRecord(_ body: (PerfRecord, UnsafeRawBufferPointer, Place) throws -> Void) throws {
    var order = Array(UInt32(0)..<UInt32(places.count))
    order.sort { (places[Int($0)].timestamp, $0) < (places[Int($1)].timestamp, $1) }
    for number in order {
      let place = places[Int(number)]
      guard let (record, bytes) = try read(place) else { continue }
      try body(record, bytes, place)
    }
  }

  /// One record, and its bytes, which are valid until the next one is read; nil, and counted, if it cannot be decoded.
  package mutating func read(_ place: Place) throws(TraceFileError) -> (PerfRecord, UnsafeRawBufferPointer)? {
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(place.length)])
    let count = try file.read(at: place.offset, into: room)
    let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[..<count])
    do throws(PerfRecordFailure) {
      return (try decoders[Int(place.event)].decode(bytes), bytes)
    } catch {
      malformed += 1
      return nil
    }
  }
}
