/// The kinds of members that the report has. Each takes the member's name, what it means, and how its value is got.
extension JSONField {
  /// A time or a length of time. The name ends in `_ns`.
  static func nanoseconds(
    _ name: String, _ description: String, _ value: @escaping @Sendable (Source) -> UInt64
  ) -> Self {
    Self(name, .integer(minimum: 0), "\(description), in ns") { source, output in output.json(value(source)) }
  }

  /// A length of time, or null.
  static func optionalNanoseconds(
    _ name: String, _ description: String, _ value: @escaping @Sendable (Source) -> UInt64?
  ) -> Self {
    Self(name, .optional(.integer(minimum: 0)), "\(description), in ns") { source, output in
      if let value = value(source) { output.json(value) } else { output.jsonNull() }
    }
  }

  /// A number of things.
  static func count(
    _ name: String, _ description: String, _ value: @escaping @Sendable (Source) -> UInt64
  ) -> Self {
    Self(name, .integer(minimum: 0), description) { source, output in output.json(value(source)) }
  }

  /// A number of things, or null.
  static func optionalCount(
    _ name: String, _ description: String, _ value: @escaping @Sendable (Source) -> UInt64?
  ) -> Self {
    Self(name, .optional(.integer(minimum: 0)), description) { source, output in
      if let value = value(source) { output.json(value) } else { output.jsonNull() }
    }
  }

  /// A number that names something; `minimum` is the least that it can be, nil where it may be negative.
  static func number(
    _ name: String, _ description: String, minimum: Int64? = 0, _ value: @escaping @Sendable (Source) -> Int64
  ) -> Self {
    Self(name, .integer(minimum: minimum), description) { source, output in output.json(value(source)) }
  }

  static func flag(
    _ name: String, _ description: String, _ value: @escaping @Sendable (Source) -> Bool
  ) -> Self {
    Self(name, .boolean, description) { source, output in output.json(value(source)) }
  }

  static func text(
    _ name: String, _ description: String, _ value: @escaping @Sendable (Source) -> String
  ) -> Self {
    Self(name, .string, description) { source, output in output.json(value(source)) }
  }

  static func optionalText(
    _ name: String, _ description: String, _ value: @escaping @Sendable (Source) -> String?
  ) -> Self {
    Self(name, .optional(.string), description) { source, output in
      if let value = value(source) { output.json(value) } else { output.jsonNull() }
    }
  }

  /// A text that is always the same.
  static func constant(_ name: String, _ description: String, _ value: String) -> Self {
    Self(name, .constant(value), description) { _, output in output.json(value) }
  }

  /// One of a few texts.
  static func word(
    _ name: String, of words: [String], _ description: String, _ value: @escaping @Sendable (Source) -> String
  ) -> Self {
    Self(name, .word(words), description) { source, output in output.json(value(source)) }
  }

  /// One of a few texts, or null.
  static func optionalWord(
    _ name: String, of words: [String], _ description: String, _ value: @escaping @Sendable (Source) -> String?
  ) -> Self {
    Self(name, .optional(.word(words)), description) { source, output in
      if let value = value(source) { output.json(value) } else { output.jsonNull() }
    }
  }

  static func texts(
    _ name: String, _ description: String, _ value: @escaping @Sendable (Source) -> [String]
  ) -> Self {
    Self(name, .list(.string), description) { source, output in
      output.json(list: value(source)) { $1.json($0) }
    }
  }

  static func object<Member>(
    _ name: String, _ table: JSONTable<Member>, _ description: String,
    _ value: @escaping @Sendable (Source) -> Member
  ) -> Self {
    Self(name, .object(table.type), description) { source, output in table.write(value(source), &output) }
  }

  static func optionalObject<Member>(
    _ name: String, _ table: JSONTable<Member>, _ description: String,
    _ value: @escaping @Sendable (Source) -> Member?
  ) -> Self {
    Self(name, .optional(.object(table.type)), description) { source, output in
      if let member = value(source) { table.write(member, &output) } else { output.jsonNull() }
    }
  }

  static func list<Element, Elements: Sequence<Element> & SendableMetatype>(
    _ name: String, _ table: JSONTable<Element>, _ description: String,
    _ value: @escaping @Sendable (Source) -> Elements
  ) -> Self {
    Self(name, .list(.object(table.type)), description) { source, output in
      output.json(list: value(source)) { table.write($0, &$1) }
    }
  }
}
