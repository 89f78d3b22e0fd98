internal import CElfUtils

/// Which units' line programs libdw may read.
struct LinePrograms {
  private struct Key: Hashable {
    let offset: Dwarf_Word
    let addressSize: UInt8
    let directory: Int
  }

  /// The most rows of one unit: a large program that is linked as one unit has some 6 million.
  private static let rowLimit = 1 << 23
  /// The most rows of all units that are read.
  private static let rowsLimit = 1 << 24
  /// The most bytes in the path of the directory that a unit was compiled in.
  private static let directoryLimit = 1 << 16

  private let sections: DebugSections
  private let strings: DebugStrings
  private let budget: DebugBudget
  private var allowed: [Key: Bool] = [:]
  private var rows = 0
  /// Whether there are none that can be read.
  private let isPacked: Bool

  init(_ sections: DebugSections, _ strings: DebugStrings, _ budget: DebugBudget) {
    self.sections = sections
    self.budget = budget
    self.strings = strings
    isPacked = sections.isPacked(["line"])
  }

  /// Whether the unit's program may be read.
  mutating func allows(_ unit: inout Dwarf_Die) -> Bool {
    var (attribute, offset) = (Dwarf_Attribute(), Dwarf_Word())
    guard !isPacked, dwarf_attr(&unit, UInt32(DW_AT_stmt_list), &attribute) != nil,
      dwarf_formudata(&attribute, &offset) == 0
    else { return false }
    var directory = 0
    if dwarf_attr(&unit, UInt32(DW_AT_comp_dir), &attribute) != nil, let path = dwarf_formstring(&attribute) {
      guard let length = strings.length(of: path, limit: Self.directoryLimit) else { return false }
      directory = length
    }
    var (addressSize, offsetSize, whole) = (UInt8(), UInt8(), Dwarf_Die())
    guard dwarf_diecu(&unit, &whole, &addressSize, &offsetSize) != nil else { return false }
    let key = Key(offset: offset, addressSize: addressSize, directory: directory)
    if let known = allowed[key] { return known }
    let program = LineProgram(
      at: offset, of: sections, addressSize: Int(addressSize), directory: directory,
      limit: min(Self.rowLimit, Self.rowsLimit - rows))
    if program == nil { budget.leaveOut() }
    rows += program?.rows ?? 0
    allowed[key] = program != nil
    return program != nil
  }
}
