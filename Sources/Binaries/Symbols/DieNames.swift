internal import CElfUtils

/// What functions' DIEs call them.
struct DieNames {
  /// The most references that are followed to a name: a name is a declaration's, which the definition refers to, which an inlined
  /// call refers to.
  private static let referenceLimit = 8

  private let strings: DebugStrings

  init(_ strings: DebugStrings) { self.strings = strings }

  /// The name of a function's DIE as linked; if it has none, as the source has it.
  func of(_ die: Dwarf_Die) -> String? {
    var die = die
    var plain: String?
    for _ in 0..<Self.referenceLimit {
      if let linked = text(DW_AT_linkage_name, of: &die) ?? text(DW_AT_MIPS_linkage_name, of: &die) { return linked }
      plain = plain ?? text(DW_AT_name, of: &die)
      var (attribute, referred) = (Dwarf_Attribute(), Dwarf_Die())
      guard
        dwarf_attr(&die, UInt32(DW_AT_abstract_origin), &attribute) != nil
          || dwarf_attr(&die, UInt32(DW_AT_specification), &attribute) != nil,
        dwarf_formref_die(&attribute, &referred) != nil
      else { break }
      die = referred
    }
    return plain
  }

  private func text(_ name: Int, of die: inout Dwarf_Die) -> String? {
    var attribute = Dwarf_Attribute()
    guard dwarf_attr(&die, UInt32(name), &attribute) != nil, let text = dwarf_formstring(&attribute) else { return nil }
    return strings.copy(text)
  }
}
