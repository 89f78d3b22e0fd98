/// Index of a string in a `NameTable`.
package typealias NameID = Int32

/// Strings that events carry (task and interrupt names), kept once each so that an event can name them by index.
package struct NameTable: Sendable {
  private var names: [String] = [""]
  private var index: [String: NameID] = ["": 0]
  /// The last name with each hash of its bytes: events repeat few names, and finding one again allocates nothing.
  private var byHash: [UInt64: NameID] = [:]

  /// The most names that records add; a later one has none. The tasks of a machine may take a new name for each thing they do.
  private static let capacity = 1 << 18

  package init() {}

  /// The index of `name`, which is added if it is new.
  package mutating func intern(_ name: String) -> NameID {
    if let known = index[name] { return known }
    let id = NameID(names.count)
    names.append(name)
    index[name] = id
    return id
  }

  /// The index of a name as a record holds it, UTF-8 up to the first NUL; damaged UTF-8 is repaired.
  package mutating func intern(_ record: UnsafeRawBufferPointer) -> NameID {
    // FNV-1a
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    var length = 0
    while length < record.count, record[length] != 0 {
      hash = (hash ^ UInt64(record[length])) &* 0x100_0000_01B3
      length += 1
    }
    let bytes = UnsafeRawBufferPointer(rebasing: record[..<length])
    if let known = byHash[hash], names[Int(known)].utf8.elementsEqual(bytes) { return known }
    guard names.count < Self.capacity else { return 0 }
    let id = intern(String(decoding: bytes, as: UTF8.self))
    byHash[hash] = id
    return id
  }

  /// The string behind `id`; empty where there is none.
  package subscript(id: NameID) -> String {
    names.indices.contains(Int(id)) ? names[Int(id)] : ""
  }
}
