/// Reads the texts of one event's records from pages: of an event with a dynamic string and nothing else.
package struct TextRecords: Sendable {
  private let layout: PageLayout
  private let id: Int
  private let text: Int

  /// A reader of records of `format`, whose string is its field `text`.
  package init(_ format: EventFormat, layout: PageLayout) throws(FormatError) {
    self.layout = layout
    id = format.id
    text = try format.field("text", sizes: [4]).offset
  }

  /// Hands the text of each record of `page` to `body`, in order. Returns whether the page was whole, and all its records such
  /// texts.
  package func read(_ page: UnsafeRawBufferPointer, _ body: (String) -> Void) -> Bool {
    var records = PageRecords(page, layout)
    var isWhole = true
    while let record = records.next() {
      guard let text = string(in: record) else {
        isWhole = false
        continue
      }
      body(text)
    }
    return isWhole && records.summary.status == .complete
  }

  private func string(in record: PageRecords.Record) -> String? {
    guard record.length >= text + 4, Int(record.start.loadUnaligned(as: UInt16.self)) == id else { return nil }
    // `__data_loc`: where the string begins in the record, and its length with the zero at its end.
    let location = record.start.loadUnaligned(fromByteOffset: text, as: UInt32.self)
    let (offset, size) = (Int(location & 0xFFFF), Int(location >> 16))
    guard offset + size <= record.length else { return nil }
    let bytes = UnsafeRawBufferPointer(start: record.start + offset, count: size)
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
