internal import TraceFormat
internal import TraceModel

/// The tracepoint samples of a perf.data file, by CPU, and where records are missing among them.
///
/// A tracepoint's own fields in a sample are the very bytes that the same event has in a ring buffer.
final class PerfEventRecords: Sendable {
  fileprivate let places: [PerfFile.Place]
  fileprivate let decoders: [PerfRecordDecoder]
  /// The numbers of places, by time.
  fileprivate let order: [Int: [UInt32]]
  fileprivate let taskEvents: PerfTaskEvents

  /// The CPUs that have records.
  var cpus: [Int] { order.keys.sorted() }

  // include/uapi/linux/perf_event.h: PERF_TYPE_TRACEPOINT.
  private static let tracepoint: UInt32 = 2

  init(_ file: borrowing PerfFile, _ taskEvents: PerfTaskEvents) {
    self.taskEvents = taskEvents
    let places = file.places
    let events = file.events
    var found: [Int: [(time: UInt64, place: UInt32)]] = [:]
    for (number, place) in places.enumerated() {
      guard let cpu = place.cpu, place.timestamp > 0 else { continue }
      let isEvent = place.kind == .sample && events[Int(place.event)].type == Self.tracepoint
      guard isEvent || place.kind == .loss || place.kind == .task else { continue }
      let entry = (time: place.timestamp, place: UInt32(number))
      // What tells of a loss is written before the record that found room again, and has its time a moment later.
      let count = found[cpu]?.count ?? 0
      if let last = found[cpu]?.last, places[Int(last.place)].kind == .loss, last.time > entry.time {
        found[cpu]?[count - 1].time = entry.time
      }
      found[cpu, default: []].append(entry)
    }
    order = found.mapValues { entries in entries.sorted { ($0.time, $0.place) < ($1.time, $1.place) }.map(\.place) }
    self.places = places
    decoders = file.decoders
  }

  /// A stream of pages for each CPU. `file`: the number of the file among the recording's.
  func streams(inFile file: Int) -> [PagePlan.Stream] {
    cpus.map { cpu in
      let records = PagePart.Records(all: self, cpu: cpu)
      let size = (order[cpu] ?? []).reduce(0) { $0 + UInt64(places[Int($1)].length) }
      return PagePlan.Stream(
        cpu: cpu, parts: [PagePart(file: file, offset: 0, size: size, pageSize: PerfEventPages.size, records: records)])
    }
  }
}

/// Makes pages of the tracepoint samples of one CPU.
struct PerfEventPages: ~Copyable {
  /// The number of bytes of a page; a tracepoint's fields have at most 8 KiB (PERF_MAX_TRACE_SIZE).
  static let size = 1 << 16
  private static let windowSize = 1 << 18

  private let records: PerfEventRecords
  private let order: [UInt32]
  /// How many records are in pages already.
  private var next = 0
  private var page = RecordPage(size: Self.size)
  /// A stretch of the file, and where it begins there.
  private let window: UnsafeMutableRawBufferPointer
  private var windowStart: UInt64 = 0
  private var windowCount = 0
  private let pageBytes: UnsafeMutableRawBufferPointer

  init(_ part: PagePart.Records) {
    records = part.all
    order = part.all.order[part.cpu] ?? []
    window = .allocate(byteCount: Self.windowSize, alignment: 8)
    pageBytes = .allocate(byteCount: Self.size, alignment: 8)
  }

  deinit {
    window.deallocate()
    pageBytes.deallocate()
  }

  /// The next page, valid until the next call; nil behind the last.
  mutating func next(_ file: borrowing RecordedFile) throws(TraceFileError) -> UnsafeRawBufferPointer? {
    page.removeAll()
    while next < order.count {
      let place = records.places[Int(order[next])]
      let bytes = try read(place, file)
      if let record = try? records.decoders[Int(place.event)].decode(bytes), !take(record, place, bytes) { break }
      next += 1
    }
    guard !page.isEmpty || page.missed != nil else { return nil }
    pageBytes.copyBytes(from: page.bytes)
    return UnsafeRawBufferPointer(pageBytes)
  }

  /// Takes a record into the page; false where it belongs into the next one.
  private mutating func take(_ record: PerfRecord, _ place: PerfFile.Place, _ bytes: UnsafeRawBufferPointer) -> Bool {
    switch record {
    case .sample(let sample):
      let raw = bytes[sample.raw.offset..<sample.raw.offset + sample.raw.length]
      return page.add(raw, at: place.timestamp) || page.isEmpty
    case .lost(let count, _):
      guard page.isEmpty else { return false }
      page.note(missed: count, at: place.timestamp)
      return true
    default:
      guard let change = ProcessChange(record, bytes) else { return true }
      // Both of two, or none.
      guard page.length <= Self.size - 256 else { return false }
      for record in records.taskEvents.records(of: change) { _ = page.add(record, at: place.timestamp) }
      return true
    }
  }

  /// The bytes of a record, valid until the next call; fewer where the file has become shorter.
  private mutating func read(
    _ place: PerfFile.Place, _ file: borrowing RecordedFile
  ) throws(TraceFileError) -> UnsafeRawBufferPointer {
    let length = UInt64(place.length)
    if place.offset < windowStart || place.offset + length > windowStart + UInt64(windowCount) {
      windowStart = place.offset
      windowCount = try file.read(at: windowStart, into: window)
    }
    let start = Int(place.offset - windowStart)
    return UnsafeRawBufferPointer(
      rebasing: UnsafeRawBufferPointer(window)[start..<min(start + Int(length), max(windowCount, start))])
  }
}
