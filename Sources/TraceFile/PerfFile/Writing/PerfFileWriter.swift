internal import Glibc
internal import SystemCalls
internal import SystemPackage
internal import TraceFormat

/// A perf.data file that grows while stacks are sampled, as `perf record` writes one, and its owner.
///
/// Header and attributes stand at its beginning, and records follow as they come; only `finish` writes how many these are, and
/// what is known of the machine. So the file can be read up to where its writer was killed.
///
/// The kernel gives each event of a thread on a CPU a number of its own. The file has one number for all that sample the same: so
/// it need not know beforehand how many threads there will be.
package struct PerfFileWriter: ~Copyable {
  /// Bits of `sample_type` that the records must have: what tells them apart, and what `perf report` needs to show them.
  package static let sampleType = PerfRecordLayout.identifierFirst | PerfRecordLayout.ip | PerfRecordLayout.raw

  /// The number that the file knows event `number` of its events by.
  package static func identifier(of number: Int) -> UInt64 { UInt64(number) + 1 }

  private static let headerSize = 104
  private static let bufferSize = 1 << 20
  /// The most build-ids that are kept: a hostile target maps new files for ever.
  private static let buildIDLimit = 1 << 14

  package let path: String
  private let file: OwnedDescriptor
  private let events: [PerfEventDescription]
  private let dataStart: UInt64
  private let buffer: UnsafeMutableRawBufferPointer
  private var buffered = 0
  /// The number of bytes that are in the file.
  private var written: UInt64
  private var times: ClosedRange<UInt64>?
  private var buildIDs: [[UInt8]: PerfFileBuildID] = [:]
  /// Why nothing is written any more.
  package private(set) var failure: TraceFileError?

  /// The size of the file with what waits to be written, bytes.
  package var size: UInt64 { written + UInt64(buffered) }

  /// Creates the file, or empties it, and writes what stands before the records. `events`: one at least.
  package init(_ path: String, _ events: [PerfEventDescription]) throws(TraceFileError) {
    let file = try Self.create(path)
    let head = Self.head(events, records: 0, bits: [])
    try Self.write(head, to: file.descriptor, path, at: 0)
    self.file = file
    self.path = path
    self.events = events
    dataStart = UInt64(head.count)
    written = dataStart
    buffer = .allocate(byteCount: Self.bufferSize, alignment: 8)
  }

  private static func create(_ path: String) throws(TraceFileError) -> OwnedDescriptor {
    do {
      return OwnedDescriptor(
        try FileDescriptor.open(
          FilePath(path), .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite))
    } catch {
      throw TraceFileError(.unwritable, path, "cannot create it: \(error)")
    }
  }

  deinit { buffer.deallocate() }

  /// Header, identifiers and attributes. `records`: bytes of records; 0 while they are being written.
  private static func head(_ events: [PerfEventDescription], records: UInt64, bits: [Int]) -> [UInt8] {
    let each = (events.first?.attributes.count ?? 0) + 16
    let attributes = headerSize + events.count * 8
    var head = FileBytes()
    head.add("PERFILE2".utf8)
    let words = [
      headerSize, each, attributes, events.count * each, attributes + events.count * each, Int(records), 0, 0,
    ]
    for word in words { head.add(UInt64(word)) }
    var features: [UInt64] = [0, 0, 0, 0]
    for bit in bits { features[bit / 64] |= 1 << UInt64(bit % 64) }
    for word in features { head.add(word) }
    for number in events.indices { head.add(identifier(of: number)) }
    for (number, event) in events.enumerated() {
      head.add(event.attributes)
      head.add(UInt64(headerSize + number * 8))
      head.add(UInt64(8))
    }
    return head.bytes
  }

  // MARK: Records

  /// Appends a record of the kernel's. `event`: the number of the event that the record is of; `time`: the record's, ns.
  package mutating func append(_ record: UnsafeRawBufferPointer, of event: Int, at time: UInt64) {
    guard let place = reserve(record.count), let source = record.baseAddress else { return }
    place.copyMemory(from: source, byteCount: record.count)
    let isSample = record.loadUnaligned(as: UInt32.self) == PerfRecordDecoder.sample
    // A sample's identifier is its first field; other records end in theirs.
    let offset = isSample ? PerfRecordDecoder.headerSize : record.count - 8
    guard record.count >= PerfRecordDecoder.headerSize + 8 else { return }
    place.storeBytes(of: Self.identifier(of: event), toByteOffset: offset, as: UInt64.self)
    guard isSample else { return }
    times = times.map { min($0.lowerBound, time)...max($0.upperBound, time) } ?? time...time
  }

  /// Appends a record of `PerfRecordWriting`.
  package mutating func append(_ record: [UInt8]) {
    guard let place = reserve(record.count) else { return }
    record.withUnsafeBytes { bytes in
      if let source = bytes.baseAddress { place.copyMemory(from: source, byteCount: bytes.count) }
    }
  }

  /// Takes note of what a mapped file's build-id is.
  package mutating func note(_ buildID: PerfFileBuildID) {
    guard buildIDs.count < Self.buildIDLimit, buildIDs[buildID.buildID] == nil else { return }
    buildIDs[buildID.buildID] = buildID
  }

  /// Where the next `count` bytes go; nil where nothing can be written any more.
  private mutating func reserve(_ count: Int) -> UnsafeMutableRawPointer? {
    if buffered + count > buffer.count { flush() }
    guard failure == nil, let base = buffer.baseAddress, count <= buffer.count else { return nil }
    defer { buffered += count }
    return base + buffered
  }

  /// Hands what waits to the kernel: it outlives this process then.
  package mutating func flush() {
    guard failure == nil, buffered > 0 else { return }
    let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<buffered])
    do throws(TraceFileError) {
      try Self.write(bytes, to: file.descriptor, path, at: written)
      written += UInt64(buffered)
    } catch {
      failure = error
    }
    buffered = 0
  }

  /// Has the disk hold what was flushed: it outlives a power cut then.
  package mutating func synchronize() {
    guard failure == nil, fdatasync(file.descriptor.rawValue) != 0 else { return }
    failure = TraceFileError(.unwritable, path, "cannot write to it: \(Errno(rawValue: errno))")
  }

  // MARK: The end

  /// Writes what is left, how many bytes of records there are, and what is known of the machine; closes the file.
  package consuming func finish(_ features: PerfFileFeatures) throws(TraceFileError) {
    flush()
    if let failure { throw failure }
    let sections = features.sections(events, buildIDs.values.sorted { $0.path < $1.path }, times: times)
    var table = FileBytes()
    var offset = written + UInt64(sections.count * 16)
    for section in sections {
      table.add(offset)
      table.add(UInt64(section.bytes.count))
      offset += UInt64(section.bytes.count)
    }
    for section in sections { table.add(section.bytes) }
    try Self.write(table.bytes, to: file.descriptor, path, at: written)
    // The header comes last: without it the file is an unfinished one.
    let head = Self.head(events, records: written - dataStart, bits: sections.map(\.bit))
    try Self.write(head, to: file.descriptor, path, at: 0)
  }

  private static func write(
    _ bytes: [UInt8], to file: FileDescriptor, _ path: String, at offset: UInt64
  ) throws(TraceFileError) {
    let failure = bytes.withUnsafeBytes { bytes -> TraceFileError? in
      do throws(TraceFileError) { try write(bytes, to: file, path, at: offset) } catch { return error }
      return nil
    }
    if let failure { throw failure }
  }

  private static func write(
    _ bytes: UnsafeRawBufferPointer, to file: FileDescriptor, _ path: String, at offset: UInt64
  ) throws(TraceFileError) {
    var done = 0
    while done < bytes.count, let base = bytes.baseAddress {
      let place = off_t(offset) + off_t(done)
      do { done += try uninterrupted { pwrite(file.rawValue, base + done, bytes.count - done, place) } } catch {
        throw TraceFileError(
          .unwritable, path, "cannot write to it: \(error)", remedy: "make room on that file system, or name another")
      }
    }
  }
}
