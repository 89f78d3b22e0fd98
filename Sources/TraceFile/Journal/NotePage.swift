/// A sub-buffer of notes, which are records of one event of our own (`NoteFormat`).
package struct NotePage: Sendable {
  private var page: RecordPage
  /// The task that notes.
  private let task: Int32

  /// An empty page of `size` bytes. `task`: the id of the task that is said to have noted.
  package init(size: Int, task: Int32) {
    precondition(size >= 64, "a page has room for a note")
    page = RecordPage(size: size)
    self.task = task
  }

  /// The page's bytes; what no record takes is 0.
  package var bytes: [UInt8] { page.bytes }

  /// Whether nothing is noted here.
  package var isEmpty: Bool { page.isEmpty }

  /// The most bytes of text that an empty page of `size` bytes has room for.
  package static func capacity(size: Int) -> Int {
    // The head of a long record, the fields, and the text's zero; and the field for the text's length has 16 bits.
    min(size - RecordPage.headSize - 8 - NoteFormat.textOffset - 1, Int(UInt16.max) - 1) & ~3
  }

  /// Adds a note of the time `time` (ns); false, and nothing is done, where there is no room for it. A time before the last
  /// note's becomes that.
  package mutating func add(_ text: some Collection<UInt8>, at time: UInt64) -> Bool {
    guard text.count <= Self.capacity(size: page.bytes.count) else { return false }
    var data = FileBytes()
    data.add(NoteFormat.id)
    data.add(UInt16(0))
    data.add(task)
    data.add(UInt32(NoteFormat.textOffset) | UInt32(truncatingIfNeeded: text.count + 1) << 16)
    data.add(text)
    data.add(UInt8(0))
    return page.add(data.bytes, at: time)
  }

  /// Makes the page empty again.
  package mutating func removeAll() { page.removeAll() }
}
