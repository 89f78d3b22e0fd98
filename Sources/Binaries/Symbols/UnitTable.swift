internal import CElfUtils
internal import TraceModel

/// Which compilation unit an address belongs to.
///
/// .debug_aranges says so if there is one for the unit: gcc makes it, clang, rustc and swiftc do not. Only when an address is
/// not in it are the units themselves asked, all of them once.
struct UnitTable {
  private struct Piece {
    let range: Range<UInt64>
    let unit: Dwarf_Off
  }

  /// The most pieces of all units.
  private static let limit = 1 << 21
  /// The most pieces that are looked at for an address: those of folded or damaged functions overlap.
  private static let overlapLimit = 32

  private let dwarf: OpaquePointer
  private var aranges: OpaquePointer?
  private var hasReadUnits = false
  private var pieces: [Piece] = []

  init(of dwarf: OpaquePointer) {
    self.dwarf = dwarf
    var (found, count): (OpaquePointer?, Int) = (nil, 0)
    if dwarf_getaranges(dwarf, &found, &count) == 0 { aranges = found }
  }

  /// Units whose code `address` may be in, the most likely first; places of their DIEs.
  mutating func find(_ address: UInt64, _ budget: DebugBudget) -> [Dwarf_Off] {
    if let found = listed(address) { return [found] }
    if !hasReadUnits {
      hasReadUnits = true
      readUnits(budget)
    }
    let place = partitionPoint(of: pieces.count) { pieces[$0].range.lowerBound <= address }
    return pieces[max(0, place - Self.overlapLimit)..<place].reversed().filter { $0.range.contains(address) }.prefix(4)
      .map(\.unit)
  }

  private func listed(_ address: UInt64) -> Dwarf_Off? {
    guard let aranges, let arange = dwarf_getarange_addr(aranges, address) else { return nil }
    var (start, length, unit): (Dwarf_Addr, Dwarf_Word, Dwarf_Off) = (0, 0, 0)
    guard dwarf_getarangeinfo(arange, &start, &length, &unit) == 0, address >= start, address - start < length else {
      return nil
    }
    return unit
  }

  private mutating func readUnits(_ budget: DebugBudget) {
    var (unit, version, type): (OpaquePointer?, Dwarf_Half, UInt8) = (nil, 0, 0)
    var die = Dwarf_Die()
    // Without the last argument no split unit's file is looked for.
    while budget.hasMore, pieces.count < Self.limit,
      dwarf_get_units(dwarf, unit, &unit, &version, &type, &die, nil) == 0
    {
      let place = dwarf_dieoffset(&die)
      DieRanges.forEach(of: &die, budget) { range in
        pieces.append(Piece(range: range, unit: place))
        return pieces.count < Self.limit
      }
    }
    pieces.sort { $0.range.lowerBound < $1.range.lowerBound }
  }
}
