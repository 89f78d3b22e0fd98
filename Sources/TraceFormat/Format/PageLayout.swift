/// How a ring-buffer page begins, as `events/header_page` says. Only the layout of 64-bit little-endian kernels is read;
/// any other is refused, since every number in the records would be wrong.
package struct PageLayout: Sendable, Equatable {
  package enum ByteOrder: Sendable {
    case little
    case big

    package static var host: ByteOrder { Int(littleEndian: 1) == 1 ? .little : .big }
  }

  /// The number of bytes before a page's first record.
  package let dataOffset: Int
  /// The number of bytes of a page, as the header says; an instance whose sub-buffers have another size has a header of its own.
  package let pageSize: Int

  /// Reads `events/header_page`; the text itself does not tell the byte order.
  package init(headerPage text: String, byteOrder: ByteOrder = .host) throws(FormatError) {
    guard byteOrder == .little else { throw .bigEndian }
    // The text is a field list without the head that an event's format has.
    guard
      let header = try? EventFormat.parse("name: header_page\nID: 1\nformat:\n\(text)\n"),
      let timestamp = header.fields["timestamp"], let commit = header.fields["commit"],
      let data = header.fields["data"]
    else { throw .unparsable }
    guard commit.size == 8 else { throw .commitSize(commit.size) }
    guard timestamp.offset == 0, timestamp.size == 8 else { throw .unexpectedHeader("timestamp") }
    guard commit.offset == 8 else { throw .unexpectedHeader("commit at \(commit.offset)") }
    guard data.offset == 16 else { throw .unexpectedHeader("data at \(data.offset)") }
    dataOffset = data.offset
    pageSize = data.offset + data.size
  }
}
