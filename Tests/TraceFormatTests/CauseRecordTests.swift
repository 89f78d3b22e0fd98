import Testing
import TraceModel
import TraceTestSupport

@testable import TraceFormat

/// The records that `--blame` adds, on pages made by hand with a real kernel's formats.
struct CauseRecordTests {
  private let stacks = KernelStackTable()

  private func table() throws -> EventTable {
    var table = try EventTable([.syscallEnter: try Fixture.format("6.18", TracedEvent.syscallEnter.name)])
    for event in CauseEvent.allCases { try table.add(try Fixture.format("6.18", event.name), event.reading) }
    try table.add(try Fixture.format("6.18", CauseEvent.kernelStack), .kernelStack)
    return table
  }

  private func machineTable() throws -> EventTable {
    var table = EventTable()
    for event in MachineEvent.allCases { try table.add(try Fixture.format("6.18", event.event.name), event.reading) }
    return table
  }

  private func decode(
    _ table: EventTable, _ records: [Record]
  ) throws -> (events: [Event], names: NameTable, summary: PageSummary) {
    var page = HandmadePage(timestamp: 1000)
    for record in records {
      page.header(type: UInt32(record.bytes.count / 4), delta: 1)
      for byte in record.bytes { page.add(byte) }
    }
    let decoder = PageDecoder(
      layout: try PageLayout(headerPage: Fixture.text("6.18", "header_page")), table: table)
    var events = FlatArray<Event>()
    var names = NameTable()
    let summary = page.bytes.withUnsafeBytes {
      decoder.decode($0, cpu: 1, lastKnown: 0, into: &events, names: &names, stacks: stacks)
    }
    return (Array(events.elements), names, summary)
  }

  /// A record's bytes, which fields are put into at their places.
  private struct Record {
    var bytes: [UInt8]

    init(_ name: EventName, size: Int, tid: Int32 = 7) throws {
      bytes = [UInt8](repeating: 0, count: size)
      put(UInt16(try Fixture.format("6.18", name).id), at: 0)
      put(tid, at: 4)
    }

    mutating func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
      withUnsafeBytes(of: number.littleEndian) { for (index, byte) in $0.enumerated() { bytes[offset + index] = byte } }
    }

    /// A kernel stack; `count` is what the record claims.
    static func stack(_ addresses: [UInt64], count: Int? = nil) throws -> Record {
      var record = try Record(CauseEvent.kernelStack, size: 16 + addresses.count * 8)
      record.put(Int32(count ?? addresses.count), at: 8)
      for (index, address) in addresses.enumerated() { record.put(address, at: 16 + index * 8) }
      return record
    }
  }

  @Test func equalStacksHaveOneNumber() throws {
    let (events, _, summary) = try decode(
      try table(), [try .stack([1, 2, 3]), try .stack([1, 2]), try .stack([1, 2, 3]), try .stack([])])
    #expect(events.map(\.kind) == Array(repeating: .kernelStack, count: 4))
    #expect(events.map(\.subject) == [0, 1, 0, 2] && events.allSatisfy { $0.tid == 7 })
    #expect(stacks[0] == [1, 2, 3] && stacks[1] == [1, 2] && stacks[2] == [] && stacks[3] == [])
    #expect(summary.undecodable == 0 && summary.events == 4)
  }

  /// A record has no room for what these claim.
  @Test(arguments: [-1, 4, Int(Int32.max)])
  func aStackThatClaimsMoreThanItsRecordIsUndecodable(_ count: Int) throws {
    let (events, _, summary) = try decode(try table(), [try .stack([1, 2, 3], count: count)])
    #expect(events.isEmpty && summary.undecodable == 1 && summary.events == 0 && stacks.count == 0)
  }

  @Test func activitiesSayWhatBeginsAndEnds() throws {
    let records = try CauseEvent.allCases.map { event in
      var record = try Record(event.name, size: 64)
      if event == .contentionBegin || event == .contentionEnd { record.put(UInt64(0xABCD), at: 8) }
      return record
    }
    let events = try decode(try table(), records).events
    var expected: [CauseEvent: (EventKind, KernelActivity)] = [:]
    for event in [CauseEvent.reclaimBegin, .groupReclaimBegin] { expected[event] = (.activityBegin, .reclaim) }
    for event in [CauseEvent.reclaimEnd, .groupReclaimEnd] { expected[event] = (.activityEnd, .reclaim) }
    expected[.compactionBegin] = (.activityBegin, .compaction)
    expected[.compactionEnd] = (.activityEnd, .compaction)
    expected[.contentionBegin] = (.activityBegin, .lock)
    expected[.contentionEnd] = (.activityEnd, .lock)
    for (event, decoded) in zip(CauseEvent.allCases, events) {
      guard let (kind, activity) = expected[event] else { continue }
      #expect(decoded.kind == kind && decoded.subject == activity.rawValue, "\(event)")
      #expect(decoded.value == (activity == .lock ? 0xABCD : 0), "\(event)")
    }
  }

  @Test func spinningIsToldFromSleepingByItsFlag() throws {
    // LCB_F_SPIN, LCB_F_MUTEX, both, LCB_F_WRITE
    let records = try [1, 32, 33, 4].map { flags in
      var record = try Record(CauseEvent.contentionBegin.name, size: 24)
      record.put(UInt32(flags), at: 16)
      return record
    }
    let events = try decode(try table(), records).events
    #expect(events.map(\.subject) == [KernelActivity.spin, .lock, .spin, .lock].map(\.rawValue))
    #expect(events.allSatisfy { $0.detail == 0 })
  }

  @Test func aSyscallHasItsSecondArgument() throws {
    var record = try Record(TracedEvent.syscallEnter.name, size: 64)
    record.put(UInt64(202), at: 8)
    for argument in 0..<6 { record.put(UInt64(100 + argument), at: 16 + argument * 8) }
    let events = try decode(try table(), [record]).events
    #expect(events.map(\.subject) == [202] && events.map(\.value) == [101])
  }

  @Test func faultsAndDiskRequestsSayWhere() throws {
    var fault = try Record(CauseEvent.pageFault.name, size: 32)
    fault.put(UInt64(0x7F00_1234_5000), at: 8)
    var request = try Record(CauseEvent.diskRequest.name, size: 64)
    request.put(UInt32(0xFE00001), at: 8)
    let events = try decode(try table(), [fault, request]).events
    #expect(events.map(\.kind) == [.pageFault, .diskRequest])
    #expect(events[0].value == 0x7F00_1234_5000 && events[1].subject == 0xFE00001)
  }

  @Test func aSwitchOfTheMachineNamesTheNextTask() throws {
    var record = try Record(TracedEvent.contextSwitch.name, size: 64)
    record.put(Int32(11), at: 24)
    record.put(Int64(2), at: 32)
    for (index, byte) in "hog".utf8.enumerated() { record.put(byte, at: 40 + index) }
    record.put(Int32(12), at: 56)
    let (events, names, _) = try decode(try machineTable(), [record, record])
    #expect(events.map(\.kind) == [.machineSwitch, .machineSwitch])
    #expect(events.allSatisfy { $0.tid == 11 && $0.subject == 12 && $0.detail == 2 })
    #expect(events[0].value == events[1].value && names[NameID(events[0].value)] == "hog")
  }

  @Test func eventsOfTheMachineHaveKindsOfTheirOwn() throws {
    let kinds = try MachineEvent.allCases.map { event in
      try decode(try machineTable(), [try Record(event.event.name, size: 64)]).events.map(\.kind)
    }
    #expect(
      kinds == [
        [.machineSwitch], [.machineWaking], [.machineHardIRQEntry], [.machineHardIRQExit], [.machineSoftIRQEntry],
        [.machineSoftIRQExit],
      ])
  }

  @Test func aFullTableOfStacksGivesNoNumberAndCountsIt() {
    for number in 0...UInt64(KernelStackTable.capacity) {
      let found = withUnsafeBytes(of: number) { stacks.intern($0) }
      #expect(found == (number < KernelStackTable.capacity ? Int32(number) : -1))
    }
    #expect(stacks.count == KernelStackTable.capacity && stacks.refused == 1)
    #expect(withUnsafeBytes(of: UInt64(17)) { stacks.intern($0) } == 17)
    #expect(stacks[17] == [17] && stacks[-1].isEmpty)
  }

  @Test func ofADeepStackTheInnermostPartIsKept() {
    let deep = (0..<UInt64(KernelStackTable.depth + 40)).map { $0 }
    let number = deep.withUnsafeBytes { stacks.intern($0) }
    #expect(stacks[number] == Array(deep.prefix(KernelStackTable.depth)))
  }
}
