/// A sub-buffer that is put together, as the kernel lays one out on a 64-bit little-endian machine (include/linux/ring_buffer.h): a
/// head of 16 bytes, its time and how many bytes follow, and records, each with the time since the one before.
struct RecordPage: Sendable {
  /// The page's bytes; what no record takes is 0.
  private(set) var bytes: [UInt8]
  /// Where the next record goes.
  private var end = Self.headSize
  /// The time of the last record, ns.
  private var time: UInt64 = 0
  /// The number of events that are missing before the page; nil where none is.
  private(set) var missed: UInt64?

  static let headSize = 16
  /// The longest data, in bytes, whose length fits the head of its record.
  private static let shortData = 28 * 4
  /// How many bits of time the head of a record has.
  private static let timeBits: UInt64 = 27
  private static let timeExtend: UInt32 = 30
  // RB_MISSED_EVENTS and RB_MISSED_STORED of kernel/trace/ring_buffer.c.
  private static let missedFlags: UInt64 = 1 << 31 | 1 << 30

  /// An empty page of `size` bytes.
  init(size: Int) { bytes = Array(repeating: 0, count: size) }

  /// Whether no record is here.
  var isEmpty: Bool { end == Self.headSize }

  /// The number of bytes from the page's start to the end of its last record.
  var length: Int { end }

  /// Adds a record of the time `time` (ns); false, and nothing is done, where there is no room for it. A time before the last
  /// record's becomes that. What the last word of the data lacks is 0.
  mutating func add(_ data: some Collection<UInt8>, at time: UInt64) -> Bool {
    let now = isEmpty ? time : max(time, self.time)
    var delta = isEmpty ? 0 : now - self.time
    var head = FileBytes()
    if delta >> Self.timeBits != 0 {
      head.add(Self.timeExtend | UInt32(truncatingIfNeeded: delta << 5))
      head.add(UInt32(truncatingIfNeeded: delta >> Self.timeBits))
      delta = 0
    }
    // Data are whole words.
    let length = (data.count + 3) & ~3
    let isShort = length <= Self.shortData
    head.add(UInt32(isShort ? length / 4 : 0) | UInt32(delta) << 5)
    if !isShort { head.add(UInt32(length + 4)) }
    guard length > 0, head.count + length <= bytes.count - end - (missed == nil ? 0 : 8) else { return false }
    if isEmpty { set(now, at: 0) }
    bytes.replaceSubrange(end..<end + head.count, with: head.bytes)
    bytes.replaceSubrange(end + head.count..<end + head.count + data.count, with: data)
    end += head.count + length
    self.time = now
    setLength()
    return true
  }

  /// Says that `count` more events are missing before the page, which is empty, and of the time `time`, ns, so far.
  mutating func note(missed count: UInt64, at time: UInt64) {
    missed = (missed ?? 0) &+ count
    set(time, at: 0)
    setLength()
  }

  /// Makes the page empty again.
  mutating func removeAll() { self = RecordPage(size: bytes.count) }

  private mutating func setLength() {
    set(UInt64(end - Self.headSize) | (missed == nil ? 0 : Self.missedFlags), at: 8)
    // The count follows the records.
    if let missed { set(missed, at: end) }
  }

  private mutating func set(_ number: UInt64, at offset: Int) {
    withUnsafeBytes(of: number.littleEndian) { bytes.replaceSubrange(offset..<offset + 8, with: $0) }
  }
}
