/// A sub-buffer of notes, as the kernel lays one out on a 64-bit little-endian machine (include/linux/ring_buffer.h): a head of
/// 16 bytes, its time and how many bytes follow, and records, each with the time since the one before.
package struct NotePage: Sendable {
  /// The page's bytes; what no record takes is 0.
  package private(set) var bytes: [UInt8]
  /// Where the next record goes.
  private var end = Self.headSize
  /// The time of the last record, ns.
  private var time: UInt64 = 0
  /// The task that notes.
  private let task: Int32

  private static let headSize = 16
  /// The longest data, in bytes, whose length fits the head of its record.
  private static let shortData = 28 * 4
  /// How many bits of time the head of a record has.
  private static let timeBits: UInt64 = 27
  private static let timeExtend: UInt32 = 30

  /// An empty page of `size` bytes. `task`: the id of the task that is said to have noted.
  package init(size: Int, task: Int32) {
    precondition(size >= 64, "a page has room for a note")
    bytes = Array(repeating: 0, count: size)
    self.task = task
  }

  /// Whether nothing is noted here.
  package var isEmpty: Bool { end == Self.headSize }

  /// The number of bytes from the page's start to the end of its last record.
  package var length: Int { end }

  /// The most bytes of text that an empty page of `size` bytes has room for.
  package static func capacity(size: Int) -> Int {
    // The head of a long record, the fields, and the text's zero; and the field for the text's length has 16 bits.
    min(size - headSize - 8 - NoteFormat.textOffset - 1, Int(UInt16.max) - 1) & ~3
  }

  /// Adds a note of the time `time` (ns); false, and nothing is done, where there is no room for it. A time before the last
  /// note's becomes that.
  package mutating func add(_ text: some Collection<UInt8>, at time: UInt64) -> Bool {
    let now = isEmpty ? time : max(time, self.time)
    let delta = isEmpty ? 0 : now - self.time
    let record = record(text, delta: delta)
    guard record.count <= bytes.count - end, text.count <= Self.capacity(size: bytes.count) else { return false }
    if isEmpty { set(now, at: 0) }
    bytes.replaceSubrange(end..<end + record.count, with: record.bytes)
    end += record.count
    self.time = now
    set(UInt64(end - Self.headSize), at: 8)
    return true
  }

  /// Makes the page empty again.
  package mutating func removeAll() { self = NotePage(size: bytes.count, task: task) }

  private mutating func set(_ number: UInt64, at offset: Int) {
    withUnsafeBytes(of: number.littleEndian) { bytes.replaceSubrange(offset..<offset + 8, with: $0) }
  }

  /// A record, `delta` ns after the one before.
  private func record(_ text: some Collection<UInt8>, delta: UInt64) -> FileBytes {
    var record = FileBytes()
    var delta = delta
    if delta >> Self.timeBits != 0 {
      record.add(Self.timeExtend | UInt32(truncatingIfNeeded: delta << 5))
      record.add(UInt32(truncatingIfNeeded: delta >> Self.timeBits))
      delta = 0
    }
    let size = NoteFormat.textOffset + text.count + 1
    // Data are whole words.
    let length = (size + 3) & ~3
    let isShort = length <= Self.shortData
    record.add(UInt32(isShort ? length / 4 : 0) | UInt32(delta) << 5)
    if !isShort { record.add(UInt32(length + 4)) }
    record.add(NoteFormat.id)
    record.add(UInt16(0))
    record.add(task)
    record.add(UInt32(NoteFormat.textOffset) | UInt32(truncatingIfNeeded: text.count + 1) << 16)
    record.add(text)
    record.add(repeatElement(0, count: length - size + 1))
    return record
  }
}
