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
  /// The number of data records that became events.
  package var events = 0
  /// The number of data records of no known event, or too short for theirs.
  package var undecodable = 0
  /// The number of records that the kernel wrote and took back.
  package var discarded = 0
  /// The number of bytes that the page's records take.
  package var length = 0
  /// The time of the last record, ns, whether it became an event or not; that of the page where it has none.
  package var time: UInt64 = 0
  /// The number of events missing before this page: nil for none, -1 where the kernel did not say how many.
  package var missed: Int64?

  package init() {}
}

/// Walks the data records of one ring-buffer page (sub-buffer), and never reads outside of it, whatever it holds.
///
/// The format is that of include/linux/ring_buffer.h: a record begins with 32 bits, 5 of type or length and 27 of time
/// since the record before, ns.
struct PageRecords {
  /// A record's data: an event's fields, the common ones first.
  struct Record {
    let start: UnsafeRawPointer
    /// The number of bytes of the record's data, whole words.
    let length: Int
  }

  private let base: UnsafeRawPointer
  /// Where the next record begins, and where the last ends; bytes from the page's start.
  private(set) var offset: Int
  let end: Int
  /// The time of the last record, ns; before the first record that of the page.
  private(set) var time: UInt64
  var summary = PageSummary()

  // Flags in the upper half of `commit` (kernel/trace/ring_buffer.c, RB_MISSED_…).
  static let missedEvents: UInt64 = 1 << 31
  static let missedStored: UInt64 = 1 << 30
  static let missedFlags = missedEvents | missedStored
  static let lengthMask: UInt64 = 0xFFFFF

  // Values of `type_len`; up to 28 it is a data record's length in words.
  static let padding: UInt32 = 29
  private static let timeExtend: UInt32 = 30
  private static let timeStamp: UInt32 = 31

  /// The records in the bytes of `page`, which must outlive this value.
  init(_ page: UnsafeRawBufferPointer, _ layout: PageLayout) {
    let start = layout.dataOffset
    guard page.count >= start, let base = page.baseAddress else {
      // No record is read from it.
      self.base = UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
      (offset, end, time) = (0, 0, 0)
      summary.status = .truncated
      return
    }
    self.base = base
    let commit = base.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    time = base.loadUnaligned(as: UInt64.self)
    summary.length = Int(commit & Self.lengthMask)
    offset = start
    end = min(start + summary.length, page.count)
    if start + summary.length > page.count { summary.status = .truncated }
    if commit & Self.missedEvents != 0 {
      summary.missed = -1
      // The count follows the records, where there was room for it.
      if commit & Self.missedStored != 0, end + 8 <= page.count {
        summary.missed = base.loadUnaligned(fromByteOffset: end, as: Int64.self)
      }
    }
  }

  /// The next data record; nil behind the last, and where the page is found to be corrupt.
  @inline(__always)
  mutating func next() -> Record? {
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
          return stop(type == Self.padding && delta == 0 ? summary.status : .corrupt)
        }
        let word = base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        switch type {
        case Self.padding:
          if delta == 0 { return stop(summary.status) }
          // Discarded: the word counts itself and what follows. The time it took is real; the next record's is
          // measured from it.
          time &+= delta
          summary.discarded &+= 1
          offset &+= Int(word)
          if word < 4 || offset > end { return stop(.corrupt) }
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
      guard length >= 0, offset &+ length <= end else { return stop(.corrupt) }
      let record = Record(start: base + offset, length: length)
      offset &+= length
      return record
    }
    return stop(offset != end && summary.status == .complete ? .corrupt : summary.status)
  }

  /// There is no next record, now or later.
  private mutating func stop(_ status: PageSummary.Status) -> Record? {
    summary.status = status
    offset = end
    return nil
  }

  /// An absolute time stamp has 59 bits; the upper 5 are those of the time before, or one more where it went over.
  private static func absolute(_ stamp: UInt64, near time: UInt64) -> UInt64 {
    let upper: UInt64 = 0xF8 << 56
    guard time & upper != 0 else { return stamp }
    let full = stamp | time & upper
    return full < time ? full &+ (1 << 59) : full
  }
}
