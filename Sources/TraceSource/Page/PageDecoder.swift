package import TraceModel

/// What one page held, besides its events.
package struct PageSummary: Equatable, Sendable {
  package enum Status: Equatable, Sendable {
    case complete
    /// The page says that it holds more bytes than were read.
    case truncated
    /// A record reaches beyond the page's data; what follows it is not read.
    case corrupt
  }

  package var status = Status.complete
  /// Data records that became events.
  package var events = 0
  /// Data records of no known event, or too short for theirs.
  package var undecodable = 0
  /// Records that the kernel wrote and took back.
  package var discarded = 0
  /// Bytes of records.
  package var length = 0
  /// Events missing before this page: nil for none, -1 where the kernel did not say how many.
  package var missed: Int64?

  package init() {}
}

/// Turns the bytes of one ring-buffer page (sub-buffer) into events: a pure function of bytes and format tables.
///
/// The format is that of include/linux/ring_buffer.h: a record begins with 32 bits, 5 of type or length and 27 of time
/// since the record before, ns.
package struct PageDecoder: Sendable {
  private let layout: PageLayout
  private let table: EventTable

  package init(layout: PageLayout, table: EventTable) {
    self.layout = layout
    self.table = table
  }

  // Flags in the upper half of `commit` (kernel/trace/ring_buffer.c, RB_MISSED_…).
  private static let missedEvents: UInt64 = 1 << 31
  private static let missedStored: UInt64 = 1 << 30
  private static let lengthMask: UInt64 = 0xFFFFF

  // Values of `type_len`; up to 28 it is a data record's length in words.
  private static let padding: UInt32 = 29
  private static let timeExtend: UInt32 = 30
  private static let timeStamp: UInt32 = 31

  /// Appends the page's events to `events`, and names that they carry to `names`. Never reads outside `page`, whatever
  /// it holds. Where the page says that events are missing before it, a gap from `lastKnown` (ns, up to where this CPU's
  /// events are complete) to the page's first record comes first.
  package func decode(
    _ page: UnsafeRawBufferPointer, cpu: UInt16, lastKnown: UInt64,
    into events: inout FlatArray<Event>, names: inout NameTable
  ) -> PageSummary {
    var summary = PageSummary()
    let start = layout.dataOffset
    guard page.count >= start, let base = page.baseAddress else {
      summary.status = .truncated
      return summary
    }
    let commit = base.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    var time = base.loadUnaligned(as: UInt64.self)
    summary.length = Int(commit & Self.lengthMask)
    let end = min(start + summary.length, page.count)
    if start + summary.length > page.count { summary.status = .truncated }
    if commit & Self.missedEvents != 0 {
      summary.missed = -1
      // The count follows the records, where there was room for it.
      if commit & Self.missedStored != 0, end + 8 <= page.count {
        summary.missed = base.loadUnaligned(fromByteOffset: end, as: Int64.self)
      }
    }
    // The smallest data record has 8 bytes of common fields beside its own 4; a gap is two events.
    events.reserve(events.count + (end - start) / 12 + 3)
    if let missed = summary.missed {
      events.append(
        Event(timestamp: min(lastKnown, time), tid: 0, kind: .gapStart, cpu: cpu, value: missed))
      events.append(Event(timestamp: time, tid: 0, kind: .gapEnd, cpu: cpu))
    }

    table.recipes.withUnsafeBufferPointer { recipes in
      var offset = start
      while offset + 4 <= end {
        let header = base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        let type = header & 31
        let delta = UInt64(header &>> 5)
        offset &+= 4
        var length: Int
        if type != 0, type < Self.padding {
          length = Int(type) &* 4
        } else {
          // All the others have a word of their own next.
          guard offset + 4 <= end else {
            // A null padding fills the rest of the page, and may be just its header.
            if !(type == Self.padding && delta == 0) { summary.status = .corrupt }
            return
          }
          let word = base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
          switch type {
          case Self.padding:
            if delta == 0 { return }
            // Discarded: the word counts itself and what follows. The time it took is real; the next record's is
            // measured from it.
            time &+= delta
            summary.discarded &+= 1
            offset &+= Int(word)
            if word < 4 || offset > end { return summary.status = .corrupt }
            continue
          case Self.timeExtend:
            time &+= delta | UInt64(word) &<< 27
            offset &+= 4
            continue
          case Self.timeStamp:
            time = Self.absolute(delta | UInt64(word) &<< 27, near: time)
            offset &+= 4
            continue
          default:
            length = Int(word) &- 4
            offset &+= 4
            // Data is padded to whole words.
            length = (length &+ 3) & ~3
          }
        }
        time &+= delta
        guard length >= 0, offset &+ length <= end else { return summary.status = .corrupt }
        append(base + offset, length, recipes, time, cpu, &events, &names, &summary)
        offset &+= length
      }
      if offset != end, summary.status == .complete { summary.status = .corrupt }
    }
    return summary
  }

  @inline(__always)
  private func append(
    _ record: UnsafeRawPointer, _ length: Int, _ recipes: UnsafeBufferPointer<EventTable.Recipe>,
    _ time: UInt64, _ cpu: UInt16, _ events: inout FlatArray<Event>, _ names: inout NameTable,
    _ summary: inout PageSummary
  ) {
    guard length >= 8 else { return summary.undecodable &+= 1 }
    let id = Int(record.loadUnaligned(as: UInt16.self))
    guard id < recipes.count else { return summary.undecodable &+= 1 }
    let recipe = recipes[id]
    guard recipe.minimumLength != 0, length >= Int(recipe.minimumLength) else {
      return summary.undecodable &+= 1
    }
    // Everything below lies within `minimumLength`; what a kind lacks is read at offset 0 and masked.
    var event = Event(
      timestamp: time, tid: record.loadUnaligned(fromByteOffset: Int(recipe.tid), as: Int32.self),
      kind: recipe.kind, cpu: cpu,
      subject: record.loadUnaligned(fromByteOffset: Int(recipe.subject), as: Int32.self),
      detail: record.loadUnaligned(fromByteOffset: Int(recipe.detail), as: Int32.self)
        & recipe.detailMask,
      value: record.loadUnaligned(fromByteOffset: Int(recipe.value), as: Int64.self)
        & recipe.valueMask)
    if recipe.text != 0 { event.detail = Self.intern(record, length, recipe, &names) }
    events.append(event)
    summary.events &+= 1
  }

  /// The few events with a name (interrupts, new and renamed tasks) give it an index.
  @inline(never)
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

  /// An absolute time stamp has 59 bits; the upper 5 are those of the time before, or one more where it went over.
  private static func absolute(_ stamp: UInt64, near time: UInt64) -> UInt64 {
    let upper: UInt64 = 0xF8 << 56
    guard time & upper != 0 else { return stamp }
    let full = stamp | time & upper
    return full < time ? full &+ (1 << 59) : full
  }
}
