/// The JSON Schema (2020-12) of what `JSONRenderer` writes; `kdelay-ftrace schema` prints it.
package enum JSONSchema {
  /// The schema, of several lines, ending in a line end.
  package static var text: String {
    var definitions: [(name: String, node: SchemaNode)] = []
    let table = node(of: WindowTable.table.type, &definitions)
    let schema = SchemaNode.object([
      ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
      ("title", .string(WindowTable.schemaName)),
      ("description", .string("One window of kdelay-ftrace. Integers are nanoseconds where the name ends in _ns.")),
    ])
    return (schema + table + .object([("$defs", .object(definitions.map { ($0.name, $0.node) }))])).text(indent: 0)
      + "\n"
  }

  private static func node(
    of type: JSONObjectType, _ definitions: inout [(name: String, node: SchemaNode)]
  ) -> SchemaNode {
    var members: [(String, SchemaNode)] = []
    for member in type.members {
      let description = SchemaNode.object([("description", .string(member.description + "."))])
      members.append((member.name, description + node(of: member.type, &definitions)))
    }
    return .object([
      ("type", .string("object")), ("properties", .object(members)),
      ("required", .list(type.members.map { .string($0.name) })),
    ])
  }

  private static func node(
    of type: JSONType, _ definitions: inout [(name: String, node: SchemaNode)]
  ) -> SchemaNode {
    switch type {
    case .string: return .object([("type", .string("string"))])
    case .boolean: return .object([("type", .string("boolean"))])
    case .integer(let minimum):
      let bound = minimum.map { [("minimum", SchemaNode.number($0))] } ?? []
      return .object([("type", .string("integer"))] + bound)
    case .constant(let text): return .object([("const", .string(text))])
    case .word(let words): return .object([("enum", .list(words.map { .string($0) }))])
    case .list(let element): return .object([("type", .string("array")), ("items", node(of: element, &definitions))])
    case .optional(.string): return .object([("type", .list([.string("string"), .string("null")]))])
    case .optional(.integer(let minimum)):
      let bound = minimum.map { [("minimum", SchemaNode.number($0))] } ?? []
      return .object([("type", .list([.string("integer"), .string("null")]))] + bound)
    case .optional(let inner):
      return .object([("oneOf", .list([.object([("type", .string("null"))]), node(of: inner, &definitions)]))])
    case .object(let type):
      guard let name = type.definition else { return node(of: type, &definitions) }
      if !definitions.contains(where: { $0.name == name }) {
        let place = definitions.count
        definitions.append((name, .object([])))
        definitions[place].node = node(of: type, &definitions)
      }
      return .object([("$ref", .string("#/$defs/\(name)"))])
    }
  }
}

/// A JSON value of the schema, which keeps the order of its keys and is laid out for people.
private indirect enum SchemaNode {
  case string(String)
  case number(Int64)
  case list([SchemaNode])
  case object([(String, SchemaNode)])

  /// The most columns of a line; longer lines are broken.
  private static let width = 120

  static func + (left: SchemaNode, right: SchemaNode) -> SchemaNode {
    guard case .object(let first) = left, case .object(let second) = right else { return left }
    return .object(first + second)
  }

  /// `indent`: columns that its lines are moved to the right.
  func text(indent: Int) -> String {
    let short = line
    guard short.utf8.count + indent > Self.width else { return short }
    let inner = String(repeating: " ", count: indent + 2)
    let outer = String(repeating: " ", count: indent)
    switch self {
    case .string, .number: return short
    case .list(let elements):
      return "[\n" + elements.map { inner + $0.text(indent: indent + 2) }.joined(separator: ",\n") + "\n\(outer)]"
    case .object(let members):
      let lines = members.map { "\(inner)\(Self.quoted($0.0)): \($0.1.text(indent: indent + 2))" }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    }
  }

  private var line: String {
    switch self {
    case .string(let text): Self.quoted(text)
    case .number(let number): String(number)
    case .list(let elements): "[" + elements.map(\.line).joined(separator: ", ") + "]"
    case .object(let members): "{" + members.map { "\(Self.quoted($0.0)): \($0.1.line)" }.joined(separator: ", ") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    String(decoding: ByteOutput.bytes { $0.json(text) }, as: UTF8.self)
  }
}
