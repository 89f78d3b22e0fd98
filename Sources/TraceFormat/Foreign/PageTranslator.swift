/// Turns the ring-buffer pages of a big-endian or 32-bit machine into those that a little-endian 64-bit kernel would have written of the
/// same events, which `PageDecoder` reads: a pure function of bytes and formats.
///
/// Each record stays a record, and what is wrong with a page is wrong with its translation too: records that are cut, lengths that
/// reach beyond the page, a length of the page that is more than was read.
package struct PageTranslator: Sendable {
  /// The layout of the pages that are to be translated.
  package let layout: PageLayout
  /// The translations, indexed by event id.
  private var translations: [RecordTranslation?] = []

  /// The largest page that is translated, bytes: 128 pages of 4 KiB, the most that `buffer_subbuf_size_kb` allows. A page's length
  /// has no bits for more than twice that. A larger one becomes a truncated page without records.
  package static let largestPage = 1 << 19

  /// A translator of pages that begin as `layout` says. `formats` are those of the machine's events; records of others become
  /// records of unknown events, as do those of formats that cannot be.
  package init(_ layout: PageLayout, formats: some Sequence<EventFormat>) {
    self.layout = layout
    for format in formats where (1..<65536).contains(format.id) {
      guard let translation = try? RecordTranslation(format, layout) else { continue }
      if translations.count <= format.id {
        translations += repeatElement(nil, count: format.id + 1 - translations.count)
      }
      translations[format.id] = translation
    }
  }

  /// The format of the translated records of event `id`; nil where its format was not given, or cannot be.
  package func format(of id: Int) -> EventFormat? {
    translations.indices.contains(id) ? translations[id]?.format : nil
  }

  /// The number of bytes that the translation of a page of `size` bytes may take.
  package static func room(forPageOf size: Int) -> Int { 2 * size + 32 }

  /// Translates a page into `room`, which has `room(forPageOf:)` bytes of it; returns the part of `room` that is the translated page.
  package func translate(_ page: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer)
    -> UnsafeRawBufferPointer
  {
    precondition(room.count >= Self.room(forPageOf: page.count))
    // The decoder finds it truncated.
    guard page.count >= layout.dataOffset, page.count <= Self.largestPage else {
      return UnsafeRawBufferPointer(rebasing: room[..<0])
    }
    let commit = page.number(at: 8, size: layout.longSize, layout.byteOrder)
    let claimed = Int(commit & PageRecords.lengthMask)
    let end = min(layout.dataOffset + claimed, page.count)
    let cut = layout.dataOffset + claimed - end
    var walk = RecordWalk(
      source: UnsafeRawBufferPointer(rebasing: page[layout.dataOffset..<end]),
      target: UnsafeMutableRawBufferPointer(rebasing: room[PageLayout.native.dataOffset...]), layout: layout)
    while walk.step(translations) {}
    // What the page claims to hold besides has not been read.
    let length = min(UInt64(walk.written + cut), PageRecords.lengthMask)
    room.store(page.number(at: 0, size: 8, layout.byteOrder), at: 0, size: 8)
    room.store(length | commit & PageRecords.missedFlags, at: 8, size: 8)
    var size = PageLayout.native.dataOffset + walk.written
    if commit & PageRecords.missedStored != 0, end + layout.longSize <= page.count {
      // `unsigned long missed_events` of ring_buffer_read_page
      room.store(page.number(at: end, size: layout.longSize, layout.byteOrder), at: size, size: 8)
      size += 8
    }
    return UnsafeRawBufferPointer(rebasing: room[..<size])
  }
}

/// The records of a page on their way from one machine's layout to the other's.
///
/// What a step writes is at most twice what it reads.
private struct RecordWalk {
  let source: UnsafeRawBufferPointer
  let target: UnsafeMutableRawBufferPointer
  let layout: PageLayout
  /// How much was read and written, bytes.
  private(set) var read = 0
  private(set) var written = 0

  init(source: UnsafeRawBufferPointer, target: UnsafeMutableRawBufferPointer, layout: PageLayout) {
    self.source = source
    self.target = target
    self.layout = layout
  }

  /// Translates the next record; false where there is none, or nothing that follows it can be read.
  mutating func step(_ translations: [RecordTranslation?]) -> Bool {
    guard let header = take() else { return finish() }
    // Bit fields begin at the lowest bit on a little-endian machine, and at the highest on a big-endian one.
    let isBig = layout.byteOrder == .big
    let type = isBig ? header >> 27 : header & 31
    let delta = isBig ? header & (1 << 27 - 1) : header >> 5
    if type != 0, type < PageRecords.padding { return data(Int(type) * 4, delta, translations) }
    guard let word = take() else {
      put(type | delta << 5)
      return finish()
    }
    switch type {
    case 0:
      // The word counts itself and the data, which is padded to whole words.
      let length = (Int(word) - 4 + 3) & ~3
      return data(length, delta, translations)
    case PageRecords.padding:
      put(type | delta << 5)
      // What was discarded has no content; null padding ends the page.
      guard delta != 0, word >= 4, Int(word) - 4 <= source.count - read else {
        put(word)
        return false
      }
      put(4)
      read += Int(word) - 4
    default:
      put(type | delta << 5)
      put(word)
    }
    return true
  }

  /// Translates the `length` bytes of data that come next.
  private mutating func data(_ length: Int, _ delta: UInt32, _ translations: [RecordTranslation?]) -> Bool {
    guard length >= 0, length <= source.count - read else {
      // As long a record does not fit there either.
      put(28 | delta << 5)
      return false
    }
    let record = UnsafeRawBufferPointer(rebasing: source[read..<read + length])
    read += length
    // The length always has a word of its own, as on machines whose kernel aligns records to 8 bytes.
    let room = UnsafeMutableRawBufferPointer(rebasing: target[(written + 8)...])
    let size = translate(record, translations, into: room)
    put(delta << 5)
    put(UInt32(size + 4))
    written += size
    return true
  }

  /// Translates a record's data; returns how many bytes it takes then, whole words.
  private func translate(
    _ record: UnsafeRawBufferPointer, _ translations: [RecordTranslation?], into room: UnsafeMutableRawBufferPointer
  ) -> Int {
    guard record.count >= 8 else {
      // The decoder finds it too short.
      UnsafeMutableRawBufferPointer(rebasing: room[..<record.count]).initializeMemory(as: UInt8.self, repeating: 0)
      return record.count
    }
    let room = UnsafeMutableRawBufferPointer(rebasing: room[..<(2 * record.count)])
    room.initializeMemory(as: UInt8.self, repeating: 0)
    let id = Int(record.number(at: 0, size: 2, layout.byteOrder))
    if translations.indices.contains(id), let translation = translations[id] {
      return (translation.translate(record, layout.byteOrder, into: room) + 3) & ~3
    }
    // Of an unknown event the common fields alone: its number, flags, and who wrote it.
    room.store(UInt64(id), at: 0, size: 2)
    (room[2], room[3]) = (record[2], record[3])
    room.store(record.number(at: 4, size: 4, layout.byteOrder), at: 4, size: 4)
    return 8
  }

  /// What is left is no whole word: something is wrong there, and behind the translated records too.
  private mutating func finish() -> Bool {
    let rest = source.count - read
    for index in 0..<rest { target[written + index] = 0 }
    written += rest
    read += rest
    return false
  }

  private mutating func take() -> UInt32? {
    guard read + 4 <= source.count else { return nil }
    defer { read += 4 }
    return UInt32(truncatingIfNeeded: source.number(at: read, size: 4, layout.byteOrder))
  }

  private mutating func put(_ word: UInt32) {
    target.store(UInt64(word), at: written, size: 4)
    written += 4
  }
}
