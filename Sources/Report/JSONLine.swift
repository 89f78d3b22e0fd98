/// A flat JSON object of texts on a line of its own.
package enum JSONLine {
  /// Keys in this order; nil is null.
  package static func text(_ members: [(String, String?)]) -> String {
    JSONValue.object(members.map { ($0.0, $0.1.map { .string($0) } ?? .null) }).text + "\n"
  }
}
