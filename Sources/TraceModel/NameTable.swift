/// Index of a string in a `NameTable`.
package typealias NameID = Int32

/// Strings that events carry (task and interrupt names), kept once each so that an event can name them by index.
package struct NameTable: Sendable {
  private var names: [String] = [""]
  private var index: [String: NameID] = ["": 0]

  package init() {}

  /// The index of `name`, which is added if it is new.
  package mutating func intern(_ name: String) -> NameID {
    if let known = index[name] { return known }
    let id = NameID(names.count)
    names.append(name)
    index[name] = id
    return id
  }

  /// The string behind `id`; empty where there is none.
  package subscript(id: NameID) -> String {
    names.indices.contains(Int(id)) ? names[Int(id)] : ""
  }
}
