/// How a ring-buffer page begins, as `events/header_page` says. Only the layout of 64-bit little-endian kernels is read;
/// any other is refused, since every number in the records would be wrong.
package struct PageLayout: Sendable, Equatable {
  package enum Refusal: Error, Equatable, CustomStringConvertible {
    case unparsable
    case bigEndian
    /// A kernel with 32-bit longs has a 4-byte `commit`.
    case commitSize(Int)
    case unexpected(String)

    package var description: String {
      switch self {
      case .unparsable: "events/header_page cannot be parsed"
      case .bigEndian: "ring-buffer pages of a big-endian machine are not supported"
      case .commitSize(let size):
        "ring-buffer pages of a 32-bit kernel (\(size)-byte commit field) are not supported"
      case .unexpected(let what): "unexpected ring-buffer page header: \(what)"
      }
    }
  }

  package enum ByteOrder: Sendable {
    case little
    case big

    package static var host: ByteOrder { Int(littleEndian: 1) == 1 ? .little : .big }
  }

  /// Bytes before the first record.
  package let dataOffset: Int

  /// Reads `events/header_page`; the text itself does not tell the byte order.
  package init(headerPage text: String, byteOrder: ByteOrder = .host) throws(Refusal) {
    guard byteOrder == .little else { throw .bigEndian }
    // The text is a field list without the head that an event's format has.
    guard
      let header = try? EventFormat.parse("name: header_page\nID: 1\nformat:\n\(text)\n"),
      let timestamp = header.fields["timestamp"], let commit = header.fields["commit"],
      let data = header.fields["data"]
    else { throw .unparsable }
    guard commit.size == 8 else { throw .commitSize(commit.size) }
    guard timestamp.offset == 0, timestamp.size == 8 else { throw .unexpected("timestamp") }
    guard commit.offset == 8 else { throw .unexpected("commit at \(commit.offset)") }
    guard data.offset == 16 else { throw .unexpected("data at \(data.offset)") }
    dataOffset = data.offset
  }
}
