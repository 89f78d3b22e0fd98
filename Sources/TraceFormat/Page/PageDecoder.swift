package import TraceModel

/// Turns the bytes of one ring-buffer page (sub-buffer) into events: a pure function of bytes and format tables.
package struct PageDecoder: Sendable {
  private let layout: PageLayout
  private let table: EventTable

  /// A decoder of the events that `table` knows, on pages of a little-endian 64-bit kernel. Those of another machine go through
  /// its `PageTranslator` first.
  package init(layout: PageLayout, table: EventTable) {
    precondition(layout.isNative, "pages of another machine are translated first")
    self.layout = layout
    self.table = table
  }

  /// Appends the page's events to `events`, names that they carry to `names`, and kernel stacks to `stacks`. Never reads
  /// outside `page`, whatever it holds. Where the page says that events are missing before it, a gap from `lastKnown` (ns, up to
  /// where this CPU's events are complete) to the page's first record comes first.
  package func decode(
    _ page: UnsafeRawBufferPointer, cpu: UInt16, lastKnown: UInt64,
    into events: inout FlatArray<Event>, names: inout NameTable, stacks: KernelStackTable
  ) -> PageSummary {
    var records = PageRecords(page, layout)
    // The smallest data record has 8 bytes of common fields beside its own 4; a gap is two events.
    events.reserve(events.count + (records.end - records.offset) / 12 + 3)
    if let missed = records.summary.missed {
      events.append(
        Event(timestamp: min(lastKnown, records.time), tid: 0, kind: .gapStart, cpu: cpu, value: missed))
      events.append(Event(timestamp: records.time, tid: 0, kind: .gapEnd, cpu: cpu))
    }
    let first = events.count
    table.recipes.withUnsafeBufferPointer { recipes in
      while let record = records.next() {
        if !append(record, recipes, records.time, cpu, &events, &names, stacks) { records.summary.undecodable &+= 1 }
      }
    }
    records.summary.events = events.count - first
    records.summary.time = records.time
    return records.summary
  }

  /// The time of the page's last record, ns; that of the page where it has none.
  package func lastTime(of page: UnsafeRawBufferPointer) -> UInt64 {
    var records = PageRecords(page, layout)
    while records.next() != nil {}
    return records.time
  }

  /// The header of a page without records, before which events are missing up to `time`, ns: 16 bytes, which `header` has room
  /// for.
  package static func writeGap(upTo time: UInt64, into header: UnsafeMutableRawBufferPointer) {
    header.storeBytes(of: time, as: UInt64.self)
    header.storeBytes(of: PageRecords.missedEvents, toByteOffset: 8, as: UInt64.self)
  }

  /// Appends the event of one record, unless it is of no interest; there is room for it. False where the record is of no known event, or too short.
  @inline(__always)
  private func append(
    _ data: PageRecords.Record, _ recipes: UnsafeBufferPointer<EventTable.Recipe>, _ time: UInt64, _ cpu: UInt16,
    _ events: inout FlatArray<Event>, _ names: inout NameTable, _ stacks: KernelStackTable
  ) -> Bool {
    let (record, length) = (data.start, data.length)
    guard length >= 8 else { return false }
    let id = Int(record.loadUnaligned(as: UInt16.self))
    guard id < recipes.count else { return false }
    let recipe = recipes[id]
    guard recipe.minimumLength != 0, length >= Int(recipe.minimumLength) else { return recipe.isIgnored }
    // Everything below lies within `minimumLength`; what a kind lacks is read at offset 0 and masked.
    events.appendWithinCapacity(
      Event(
        timestamp: time, tid: record.loadUnaligned(fromByteOffset: Int(recipe.tid), as: Int32.self),
        kind: recipe.kind, cpu: cpu,
        subject: record.loadUnaligned(fromByteOffset: Int(recipe.subject), as: Int32.self),
        detail: record.loadUnaligned(fromByteOffset: Int(recipe.detail), as: Int32.self) & recipe.detailMask,
        value: record.loadUnaligned(fromByteOffset: Int(recipe.value), as: Int64.self) & recipe.valueMask))
    return recipe.form == .plain || Self.complete(record, length, recipes, id, &events, &names, stacks)
  }

  /// Completes the last event, whose record is not numbers alone. False where the record is not what it should be; then the event
  /// is gone. The recipe is not handed over, since that takes registers that the common path needs.
  @inline(never)
  private static func complete(
    _ record: UnsafeRawPointer, _ length: Int, _ recipes: UnsafeBufferPointer<EventTable.Recipe>, _ id: Int,
    _ events: inout FlatArray<Event>, _ names: inout NameTable, _ stacks: KernelStackTable
  ) -> Bool {
    let recipe = recipes[id]
    let last = events.count - 1
    switch recipe.form {
    case .plain: break
    case .nameAsDetail: events[last].detail = intern(record, length, recipe, &names)
    case .nameAsValue: events[last].value = Int64(intern(record, length, recipe, &names))
    case .activity: events[last].subject = Int32(recipe.activity)
    case .contention:
      // LCB_F_SPIN of include/trace/events/lock.h
      events[last].subject = (events[last].detail & 1 != 0 ? KernelActivity.spin : .lock).rawValue
      events[last].detail = 0
    case .stack:
      let count = Int(events[last].subject)
      guard count >= 0, count <= (length - Int(recipe.text)) / 8 else {
        _ = events.removeLast()
        return false
      }
      events[last].subject = stacks.intern(
        UnsafeRawBufferPointer(start: record + Int(recipe.text), count: count * 8))
    }
    return true
  }

  private static func intern(
    _ record: UnsafeRawPointer, _ length: Int, _ recipe: EventTable.Recipe, _ names: inout NameTable
  ) -> Int32 {
    var offset = Int(recipe.text)
    var size = Int(recipe.textSize)
    if size == 0 {
      let location = record.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
      offset = Int(location & 0xFFFF)
      size = Int(location &>> 16)
      guard offset + size <= length else { return 0 }
    }
    return names.intern(UnsafeRawBufferPointer(start: record + offset, count: size))
  }
}
