internal import CTraceFS

/// A tracepoint by its system and name.
package struct EventName: Hashable, Sendable, CustomStringConvertible {
  package let system: String
  package let name: String

  package init(_ system: String, _ name: String) {
    self.system = system
    self.name = name
  }

  package var description: String { "\(system):\(name)" }
}

/// Where an event's fields lie, as its `format` file says. Parsed by libtraceevent.
package struct EventFormat: Sendable, Equatable {
  package struct Field: Sendable, Equatable {
    /// Bytes from the start of the record, common fields included.
    package var offset: Int
    package var size: Int
    /// A `__data_loc`: the field is a u32 of (length << 16 | offset) that points into the record.
    package var isDynamic: Bool
  }

  package enum Failure: Error, Equatable {
    case unparsable
    case fieldOutOfRange(String)
  }

  package var id: Int
  package var name: String
  package var fields: [String: Field]

  /// Parses a `format` file. How to print the event is of no interest, and is cut off: it is a small C program that a
  /// hostile file could make expensive.
  package static func parse(_ text: String, system: String) throws(Failure) -> EventFormat {
    let head = text.prefix(upTo: text.range(ofFirst: "print fmt:") ?? text.endIndex)
    guard let handle = tep_alloc() else { throw .unparsable }
    defer { tep_free(handle) }
    var source = String(head) + "print fmt: \"\"\n"
    let status = source.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) {
        tep_parse_event(handle, $0.baseAddress, UInt($0.count), system)
      }
    }
    // The handle owns the event.
    guard status == TEP_ERRNO__SUCCESS, let event = tep_get_first_event(handle) else { throw .unparsable }
    var fields: [String: Field] = [:]
    for list in [event.pointee.format.common_fields, event.pointee.format.fields] {
      var next = list
      while let field = next {
        let name = String(cString: field.pointee.name)
        guard (0..<65536).contains(field.pointee.offset), (0...65536).contains(field.pointee.size) else {
          throw .fieldOutOfRange(name)
        }
        fields[name] = Field(
          offset: Int(field.pointee.offset), size: Int(field.pointee.size),
          isDynamic: UInt64(field.pointee.flags) & UInt64(TEP_FIELD_IS_DYNAMIC.rawValue) != 0)
        next = field.pointee.next
      }
    }
    guard !fields.isEmpty else { throw .unparsable }
    return EventFormat(
      id: Int(event.pointee.id), name: String(cString: event.pointee.name), fields: fields)
  }
}

extension String {
  fileprivate func range(ofFirst needle: String) -> Index? {
    var position = startIndex
    while position < endIndex {
      if self[position...].hasPrefix(needle) { return position }
      position = index(after: position)
    }
    return nil
  }
}
