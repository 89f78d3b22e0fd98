package import TraceFormat

/// Recorded pages as a ring hands them out while it is written: at each time what there is by then. A page that has events before and
/// after comes in parts, as the kernel gives it: the next part has the time of the last event that was read.
package struct SlicedPages: ~Copyable, PageSource {
  package let streams: [PageStream]
  /// What the clock says, ns: no event after it can be read.
  package var now: UInt64 = 0
  /// What is still to come of each stream, the next page last.
  private var rest: [[[UInt8]]]
  private let overruns: [UInt64?]
  private let buffer: UnsafeMutableRawBufferPointer

  /// All pages of `fixture`. `overruns`: what the kernel says that each CPU has lost.
  package init(_ fixture: Fixture, overruns: [UInt64?]) throws {
    let decoder = try Fixture.decoder(fixture.kernel)
    let pages = try fixture.cpus.map { cpu -> [[UInt8]] in try fixture.pages(cpu: cpu).reversed() }
    streams = fixture.cpus.map { PageStream(cpu: $0, decoder: decoder) }
    rest = pages
    self.overruns = overruns
    buffer = .allocate(byteCount: fixture.pageSize, alignment: 8)
  }

  deinit { buffer.deallocate() }

  package mutating func next(_ position: Int) -> UnsafeRawBufferPointer? {
    guard let page = rest[position].popLast() else { return nil }
    let cut = SlicedPage(page, at: now)
    if !cut.rest.isEmpty { rest[position].append(cut.rest) }
    guard !cut.head.isEmpty else { return nil }
    buffer.copyBytes(from: cut.head)
    return UnsafeRawBufferPointer(rebasing: buffer[..<cut.head.count])
  }

  package func overrun(_ position: Int) -> UInt64? { overruns[position] }
}

extension Fixture {
  /// The pages of a CPU as one gets them who reads every `interval` (ns): in parts.
  package func slices(cpu: Int, every interval: UInt64) throws -> [[UInt8]] {
    var slices: [[UInt8]] = []
    for page in try pages(cpu: cpu) {
      var rest = page
      var time = rest.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
      while !rest.isEmpty {
        time += interval
        let cut = SlicedPage(rest, at: time)
        if !cut.head.isEmpty { slices.append(cut.head) }
        rest = cut.rest
      }
    }
    return slices
  }
}

/// A page in two parts: what was recorded up to a time, and what came after. Either is empty where there is nothing of it.
private struct SlicedPage {
  private(set) var head: [UInt8] = []
  private(set) var rest: [UInt8] = []
  private let page: [UInt8]

  // include/linux/ring_buffer.h, and RB_MISSED_… of kernel/trace/ring_buffer.c.
  private static let (padding, timeExtend, timeStamp): (UInt64, UInt64, UInt64) = (29, 30, 31)
  private static let (missedEvents, missedStored): (UInt64, UInt64) = (1 << 31, 1 << 30)

  init(_ page: [UInt8], at time: UInt64) {
    self.page = page
    let commit = number(8, 8)
    let end = 16 + Int(commit & 0xFFFFF)
    let (cut, cutTime) = self.cut(at: time, end: end)
    guard cut < end else {
      head = page
      return
    }
    guard cut > 16 else {
      rest = page
      return
    }
    let flags = commit & (Self.missedEvents | Self.missedStored)
    head = Self.bytes(number(0, 8)) + Self.bytes(UInt64(cut - 16) | flags) + page[16..<cut]
    if flags & Self.missedStored != 0 { head += page[end..<end + 8] }
    rest = Self.bytes(cutTime) + Self.bytes(UInt64(end - cut)) + page[cut..<end]
  }

  /// Behind the last event up to `time`, and when that was.
  private func cut(at time: UInt64, end: Int) -> (offset: Int, time: UInt64) {
    var (offset, clock) = (16, number(0, 8))
    var found = (offset: offset, time: clock)
    while offset + 4 <= end {
      let (type, delta) = (number(offset, 4) & 31, number(offset, 4) >> 5)
      var isEvent = false
      switch type {
      case Self.padding:
        clock += delta
        offset += 4 + Int(number(offset + 4, 4))
      case Self.timeExtend:
        clock += number(offset + 4, 4) << 27 | delta
        offset += 8
      case Self.timeStamp:
        clock = clock & 31 << 59 | number(offset + 4, 4) << 27 | delta
        offset += 8
      default:
        clock += delta
        offset += 4 + (type == 0 ? Int(number(offset + 4, 4)) : Int(type) * 4)
        isEvent = true
      }
      if clock > time { return found }
      if isEvent { found = (offset, clock) }
    }
    // What is behind the last event is of no use by itself.
    return (end, clock)
  }

  private func number(_ offset: Int, _ size: Int) -> UInt64 {
    page[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func bytes(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
}
