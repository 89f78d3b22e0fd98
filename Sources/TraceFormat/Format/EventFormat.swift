/// Where an event's fields lie, as its `format` file says:
///
///     name: sched_wakeup
///     ID: 374
///     format:
///             field:pid_t pid;        offset:24;      size:4; signed:1;
///
/// libtraceevent can parse it too, and the tests hold it against this parser; but it dereferences null pointers on
/// damaged text (found by fuzzing 1.7.1), and recordings bring text from elsewhere.
package struct EventFormat: Sendable, Equatable {
  package struct Field: Sendable, Equatable {
    /// The number of bytes from the start of the record to the field, common fields included.
    package var offset: Int
    package var size: Int
    /// Whether the field is a `__data_loc`, a u32 of (length << 16 | offset) that points into the record.
    package var isDynamic: Bool
    /// The number of elements of an array; 1 of anything else, and 0 where the text does not tell it as a number.
    package var elements = 1
    /// Whether the field, or each element of it, is a C `long` or a pointer: 4 bytes on a 32-bit machine, 8 on others.
    package var isLong = false
    package var isSigned = false
  }

  package var id: Int
  package var name: String
  package var fields: [String: Field]

  /// Parses a `format` file. How to print the event is of no interest.
  package static func parse(_ text: String) throws(FormatError) -> EventFormat {
    var name: String?
    var id: Int?
    var fields: [String: Field] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.drop(while: \.isWhitespace)
      if line.hasPrefix("print fmt:") { break }
      if line.hasPrefix("name:") {
        name = line.dropFirst(5).trimmed
      } else if line.hasPrefix("ID:") {
        id = Int(line.dropFirst(3).trimmed)
      } else if line.hasPrefix("field:") {
        let (name, field) = try parseField(line.dropFirst(6))
        fields[name] = field
      }
    }
    guard let name, let id, !fields.isEmpty else { throw .unparsable }
    return EventFormat(id: id, name: name, fields: fields)
  }

  /// The field `name`, whose size must be one of `sizes`; any will do where there are none.
  func field(_ name: String, sizes: Set<Int> = []) throws(FormatError) -> Field {
    guard let field = fields[name] else { throw .missingField(self.name, name) }
    guard sizes.isEmpty || sizes.contains(field.size) else { throw .unexpectedSize(self.name, name, field.size) }
    return field
  }

  /// `TYPE NAME[COUNT]; offset:N; size:N; signed:N;`
  private static func parseField(_ line: Substring) throws(FormatError) -> (name: String, field: Field) {
    let parts = line.split(separator: ";").map(\.trimmed)
    guard parts.count >= 3, parts[1].hasPrefix("offset:"), parts[2].hasPrefix("size:"),
      let offset = Int(parts[1].dropFirst(7)), let size = Int(parts[2].dropFirst(5))
    else { throw .unparsable }
    var type = parts[0].split(whereSeparator: \.isWhitespace)
    guard let last = type.popLast() else { throw .unparsable }
    let (name, count) = (String(last.prefix { $0 != "[" }), last.drop { $0 != "[" })
    guard (0..<65536).contains(offset), (0...65536).contains(size) else { throw .fieldOutOfRange(name) }
    var field = Field(offset: offset, size: size, isDynamic: type.first == "__data_loc")
    if !field.isDynamic {
      if !count.isEmpty { field.elements = max(0, Int(count.dropFirst().dropLast()) ?? 0) }
      field.isLong = type.last?.hasSuffix("*") == true || type.count { $0 == "long" } == 1
      field.isSigned = parts.count > 3 && parts[3] == "signed:1"
    }
    return (name, field)
  }
}

extension Substring {
  fileprivate var trimmed: String {
    var text = drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
