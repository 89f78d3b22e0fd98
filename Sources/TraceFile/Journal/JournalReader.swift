package import TraceFormat

/// Reads a recording's journal phase by phase. In memory are one phase and one page's notes.
package struct JournalReader<Pages: PageSource & ~Copyable>: ~Copyable {
  private var pages: Pages
  private let texts: TextRecords
  /// Notes of pages that were read, and how many of them are taken.
  private var notes: [JournalNote] = []
  private var taken = 0
  /// The beginning of a note whose rest is in the next record.
  private var unfinished = ""
  /// The number of notes, or pages, that could not be read.
  package private(set) var damaged = 0

  /// A reader of the first stream of `pages`, whose records `texts` reads.
  package init(_ pages: consuming Pages, _ texts: TextRecords) {
    self.pages = pages
    self.texts = texts
  }

  /// The next phase; nil behind the last.
  package mutating func next() -> JournalPhase? {
    guard let first = nextNote() else { return nil }
    var phase = JournalPhase(first)
    while let note = peek(), !JournalPhase.begins(with: note) {
      phase.add(note)
      taken += 1
    }
    return phase
  }

  private mutating func nextNote() -> JournalNote? {
    guard let note = peek() else { return nil }
    taken += 1
    return note
  }

  private mutating func peek() -> JournalNote? {
    while taken == notes.count {
      guard let page = pages.next(0) else { return nil }
      notes.removeAll(keepingCapacity: true)
      taken = 0
      var lines: [String] = []
      if !texts.read(page, { lines.append($0) }) { damaged += 1 }
      for line in lines { take(line) }
    }
    return notes[taken]
  }

  private mutating func take(_ line: String) {
    if line.hasSuffix(JournalNote.continuation) {
      unfinished += line.dropLast(JournalNote.continuation.count)
      // Nobody has written that much in earnest.
      if unfinished.utf8.count > 1 << 24 { unfinished = "" }
      return
    }
    if let note = JournalNote(unfinished + line) { notes.append(note) } else { damaged += 1 }
    unfinished = ""
  }
}

extension JournalNote {
  /// What a record ends with whose note goes on in the next one; no note ends with it.
  static let continuation = " \\"
  /// The most bytes of text of one record: it has to fit a sub-buffer of 4 KiB.
  private static let longestRecord = 3000

  /// The texts of the records that hold the note.
  package var records: [String] {
    var rest = Array(text.utf8)[...]
    var records: [String] = []
    while rest.count > Self.longestRecord {
      var end = rest.startIndex + Self.longestRecord
      // A character of several bytes stays whole.
      while rest[end] & 0xC0 == 0x80 { end -= 1 }
      records.append(String(decoding: rest[..<end], as: UTF8.self) + Self.continuation)
      rest = rest[end...]
    }
    return records + [String(decoding: rest, as: UTF8.self)]
  }
}
