import TestSupport
import Testing
import TraceModel
import TraceTestSupport

@testable import TraceFormat

/// Real pages, written anew as other machines would have written them, must tell the same events.
struct PageTranslatorTests {
  struct Machine: Sendable, CustomStringConvertible {
    let byteOrder: PageLayout.ByteOrder
    let longSize: Int
    var description: String { "\(byteOrder) endian, \(longSize * 8) bits" }

    static let all = [
      Machine(byteOrder: .little, longSize: 8),
      Machine(byteOrder: .big, longSize: 8), Machine(byteOrder: .little, longSize: 4),
      Machine(byteOrder: .big, longSize: 4),
    ]

    /// A number as a `long` of this machine holds it; `isSigned` says how it becomes one of 64 bits again.
    func narrowed(_ value: Int64, isSigned: Bool) -> Int64 {
      if longSize == 8 { return value }
      return isSigned ? Int64(Int32(truncatingIfNeeded: value)) : Int64(UInt32(truncatingIfNeeded: value))
    }
  }

  /// Among them are TIME_EXTEND, TIME_STAMP, discarded records, pages that were read in part, and gaps with and without a count.
  @Test(arguments: Fixture.all, Machine.all)
  func aPageOfAnyMachineTellsTheSame(_ fixture: Fixture, _ machine: Machine) throws {
    let formats = try Fixture.formats(fixture.kernel)
    let encoder = try ForeignEncoder(machine.byteOrder, longSize: machine.longSize, formats.values)
    let pages = try ForeignPages(
      encoder.layout, formats.map { ($0, try #require(encoder.formats[$1.id])) }, translatesAll: true)
    for cpu in fixture.cpus {
      var (expected, expectedNames, expectedPages) = try fixture.decode(cpu: cpu)
      for index in expected.indices {
        switch expected[index].kind {
        case .syscallEnter: expected[index].value = machine.narrowed(expected[index].value, isSigned: false)
        case .syscallExit: expected[index].value = machine.narrowed(expected[index].value, isSigned: true)
        default: break
        }
      }
      let (events, names, found) = pages.decode(try fixture.pages(cpu: cpu).map(encoder.page), cpu: cpu)
      #expect(events.count == expected.count)
      let firstOther = zip(events, expected).first { ours, theirs in ours != theirs }
      #expect(firstOther == nil)
      for event in events where event.kind == .hardIRQEntry || event.kind == .rename {
        #expect(names[event.detail] == expectedNames[event.detail])
      }
      for index in expectedPages.indices { expectedPages[index].length = found[index].length }
      #expect(found == expectedPages)
    }
  }

  /// A stack has as many addresses as its record says, not as many as the format.
  @Test(arguments: Machine.all)
  func aStackKeepsAllItsAddresses(_ machine: Machine) throws {
    let format = try EventFormat.parse(Fixture.text("6.18", "formats/ftrace.kernel_stack"))
    let encoder = try ForeignEncoder(machine.byteOrder, longSize: machine.longSize, [format])
    let foreign = try #require(encoder.formats[format.id])
    let translation = try RecordTranslation(foreign, encoder.layout)
    #expect(translation.runsOn && translation.format.fields["caller"]?.offset == (machine.longSize == 8 ? 16 : 12))
    for count in [0, 3, 12] {
      var record = HandmadePage(timestamp: 0)
      let longs = (0..<count).map { UInt64($0 + 1) }
      func add(_ value: UInt64, _ size: Int) {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        record.records += machine.byteOrder == .big ? bytes.reversed() : bytes
      }
      add(UInt64(format.id), 2)
      record.records += [0, 0]
      add(77, 4)
      add(UInt64(count), 4)
      if machine.longSize == 8 { add(0, 4) }
      for long in longs { add(long, machine.longSize) }
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * record.records.count, alignment: 8)
      defer { room.deallocate() }
      let size = record.records.withUnsafeBytes { translation.translate($0, machine.byteOrder, into: room) }
      let caller = translation.format.fields["caller"]?.offset ?? 0
      #expect(size == caller + count * 8)
      let found = (0..<count).map { room.loadUnaligned(fromByteOffset: caller + $0 * 8, as: UInt64.self) }
      #expect(found == longs && room.loadUnaligned(fromByteOffset: 8, as: Int32.self) == Int32(count))
    }
  }

  @Test func fieldsOneOverTheOtherAreRefused() throws {
    var format = try EventFormat.parse(Fixture.text("6.18", "formats/raw_syscalls.sys_exit"))
    format.fields["ret"]?.offset = 12
    let layout = try ForeignEncoder(.big, longSize: 8, []).layout
    #expect(throws: FormatError.overlappingField("sys_exit", "ret")) { _ = try RecordTranslation(format, layout) }
    #expect(PageTranslator(layout, formats: [format]).format(of: format.id) == nil)
  }

  /// Whatever is in a page, its translation is no longer than the room for it, and what is wrong with it stays wrong.
  @Test(arguments: Machine.all)
  func damagedPagesDoNoHarm(_ machine: Machine) throws {
    let fixture = Fixture(kernel: "6.1-cloud", scenario: "filtered")
    let formats = try Fixture.formats(fixture.kernel)
    let encoder = try ForeignEncoder(machine.byteOrder, longSize: machine.longSize, formats.values)
    let pages = try ForeignPages(
      encoder.layout, formats.map { ($0, try #require(encoder.formats[$1.id])) }, translatesAll: true)
    let originals = try fixture.pages(cpu: 0).map(encoder.page)
    var random = SplitMix64(state: 11)
    var wrong = 0
    for round in 0..<3000 {
      var page = originals[round % originals.count]
      for _ in 0..<Int.random(in: 1...20, using: &random) {
        page[Int.random(in: 0..<page.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if round % 3 == 0 { page.removeLast(Int.random(in: 0...page.count, using: &random)) }
      let (events, _, summaries) = pages.decode([page], cpu: 0)
      #expect(events.count <= page.count / 8 + 2)
      if summaries[0].status != .complete || summaries[0].undecodable > 0 { wrong += 1 }
    }
    #expect(wrong > 1000)
  }

  /// A page that was cut off tells what it still has, and that it was cut.
  @Test(arguments: Machine.all)
  func aCutPageIsReadUpToTheCut(_ machine: Machine) throws {
    let fixture = Fixture(kernel: "6.18", scenario: "mixed")
    let formats = try Fixture.formats(fixture.kernel)
    let encoder = try ForeignEncoder(machine.byteOrder, longSize: machine.longSize, formats.values)
    let pages = try ForeignPages(
      encoder.layout, formats.map { ($0, try #require(encoder.formats[$1.id])) }, translatesAll: true)
    let page = encoder.page(try #require(try fixture.pages(cpu: 0).first))
    let whole = pages.decode([page], cpu: 0).events
    for count in 0..<page.count {
      let (events, _, summaries) = pages.decode([Array(page[..<count])], cpu: 0)
      #expect(summaries[0].status != .complete, "\(count)")
      #expect(events == Array(whole.prefix(events.count)), "\(count)")
    }
  }
}
