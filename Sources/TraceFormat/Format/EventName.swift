/// A tracepoint by its system and name.
package struct EventName: Hashable, Sendable, CustomStringConvertible {
  package let system: String
  package let name: String

  package init(_ system: String, _ name: String) {
    self.system = system
    self.name = name
  }

  /// The event's directory below `events/`.
  package var path: String { "\(system)/\(name)" }

  package var description: String { "\(system):\(name)" }
}
