/// Why the text that describes a kernel's records cannot be used: every number that is read by it would be wrong.
package enum FormatError: Error, Equatable, CustomStringConvertible {
  /// The text is no `format` file, or no `header_page`.
  case unparsable
  /// A field lies where no record can have one.
  case fieldOutOfRange(String)
  /// An event lacks a field.
  case missingField(String, String)
  /// A field of an event has a size, bytes, that is not understood.
  case unexpectedSize(String, String, Int)
  /// An event has a number that no record can have.
  case unusableID(String, Int)
  /// A kernel with 32-bit longs has a 4-byte `commit`, and its pages are not read here.
  case commitSize(Int)
  /// Two fields of an event lie one over the other.
  case overlappingField(String, String)
  /// The page header has a field where none is expected.
  case unexpectedHeader(String)

  package var description: String {
    switch self {
    case .unparsable: "its text cannot be parsed"
    case .fieldOutOfRange(let field): "field '\(field)' lies out of range"
    case .missingField(let event, let field): "event \(event) has no field '\(field)'"
    case .unexpectedSize(let event, let field, let size):
      "field '\(field)' of event \(event) has an unexpected size of \(size) bytes"
    case .unusableID(let event, let id): "event \(event) has the unusable id \(id)"
    case .commitSize(let size): "ring-buffer pages of a 32-bit kernel (\(size)-byte commit field) are not read here"
    case .overlappingField(let event, let field): "field '\(field)' of event \(event) lies over another one"
    case .unexpectedHeader(let what): "unexpected ring-buffer page header: \(what)"
    }
  }
}
