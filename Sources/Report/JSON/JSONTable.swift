/// What a member of the JSON report can be, in the words of JSON Schema.
indirect enum JSONType: Sendable {
  case string
  /// A whole number; nil: of any size.
  case integer(minimum: Int64?)
  case boolean
  /// Always this string.
  case constant(String)
  /// One of these strings.
  case word([String])
  case object(JSONObjectType)
  case list(JSONType)
  /// A value of another type, or null.
  case optional(JSONType)
}

/// An object of the JSON report, as the schema describes it.
struct JSONObjectType: Sendable {
  /// The name by which the schema refers to it; nil where it is described in place.
  var definition: String?
  var members: [Member]

  /// A member of an object: all are always there.
  struct Member: Sendable {
    var name: String
    var type: JSONType
    var description: String
  }
}

/// One member of an object of the JSON report: its name, its type, what it means, and how its value is written.
struct JSONField<Source>: Sendable {
  let member: JSONObjectType.Member
  let write: @Sendable (Source, inout ByteOutput) -> Void
  /// The bytes of `"NAME":`.
  fileprivate let key: [UInt8]

  init(
    _ name: String, _ type: JSONType, _ description: String,
    _ write: @escaping @Sendable (Source, inout ByteOutput) -> Void
  ) {
    member = JSONObjectType.Member(name: name, type: type, description: description)
    self.write = write
    key = Array("\"\(name)\":".utf8)
  }
}

/// An object of the JSON report: the one table that both the renderer and the schema are made of, so that neither has a member
/// which the other lacks.
struct JSONTable<Source>: Sendable {
  private let fields: [JSONField<Source>]
  /// What the schema says of the object.
  let type: JSONObjectType

  /// An object that the schema describes where it stands.
  init(_ fields: [JSONField<Source>]...) { self.init(nil, fields) }

  /// An object that the schema describes once, and refers to by the name of this `definition`.
  init(_ definition: String, _ fields: [JSONField<Source>]...) { self.init(definition, fields) }

  private init(_ definition: String?, _ fields: [[JSONField<Source>]]) {
    self.fields = Array(fields.joined())
    type = JSONObjectType(definition: definition, members: self.fields.map(\.member))
  }

  /// Writes the object.
  func write(_ source: Source, _ output: inout ByteOutput) {
    var separator = UInt8(ascii: "{")
    for field in fields {
      output.append(separator)
      output.append(field.key)
      field.write(source, &output)
      separator = UInt8(ascii: ",")
    }
    output.append(UInt8(ascii: "}"))
  }
}
