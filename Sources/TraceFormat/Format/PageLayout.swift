/// How a ring-buffer page begins, as `events/header_page` says, and in what byte order its numbers are.
///
/// Only the pages of 64-bit little-endian kernels are decoded. Those of any other machine are first turned into such
/// (`PageTranslator`).
package struct PageLayout: Sendable, Equatable {
  package enum ByteOrder: Sendable {
    case little
    case big
  }

  /// The number of bytes before a page's first record.
  package let dataOffset: Int
  /// The number of bytes of a page, as the header says; an instance whose sub-buffers have another size has a header of its own.
  package let pageSize: Int
  /// The number of bytes of a `long` of the kernel: 4 or 8.
  package let longSize: Int
  /// The order of the bytes of all numbers in the page.
  package let byteOrder: ByteOrder

  /// The layout of a little-endian 64-bit machine with pages of 4 KiB.
  package static let native = PageLayout(dataOffset: 16, pageSize: 4096, longSize: 8, byteOrder: .little)

  private init(dataOffset: Int, pageSize: Int, longSize: Int, byteOrder: ByteOrder) {
    self.dataOffset = dataOffset
    self.pageSize = pageSize
    self.longSize = longSize
    self.byteOrder = byteOrder
  }

  /// Whether `PageDecoder` reads these pages as they are.
  package var isNative: Bool { byteOrder == .little && longSize == 8 }

  /// Reads `events/header_page` of a little-endian kernel, whose pages `PageDecoder` reads as they are; a 32-bit one is refused.
  package init(headerPage text: String) throws(FormatError) {
    try self.init(headerPage: text, byteOrder: .little)
    guard isNative else { throw .commitSize(longSize) }
  }

  /// Reads `events/header_page` of any kernel; the text itself does not tell the byte order.
  package init(headerPage text: String, byteOrder: ByteOrder) throws(FormatError) {
    // The text is a field list without the head that an event's format has.
    guard
      let header = try? EventFormat.parse("name: header_page\nID: 1\nformat:\n\(text)\n"),
      let timestamp = header.fields["timestamp"], let commit = header.fields["commit"],
      let data = header.fields["data"]
    else { throw .unparsable }
    guard timestamp.offset == 0, timestamp.size == 8 else { throw .unexpectedHeader("timestamp") }
    // `local_t` is a long.
    guard commit.offset == 8, commit.size == 4 || commit.size == 8 else {
      throw .unexpectedHeader("commit of \(commit.size) bytes at \(commit.offset)")
    }
    guard data.offset == 8 + commit.size else { throw .unexpectedHeader("data at \(data.offset)") }
    dataOffset = data.offset
    pageSize = data.offset + data.size
    longSize = commit.size
    self.byteOrder = byteOrder
  }
}
