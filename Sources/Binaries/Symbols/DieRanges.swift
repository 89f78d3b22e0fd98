internal import CElfUtils

/// The addresses that a DIE has code at.
enum DieRanges {
  /// Calls `body` with the ranges of addresses, those of discarded functions left out, as long as it returns true and the budget
  /// lasts.
  static func forEach(of die: inout Dwarf_Die, _ budget: DebugBudget, _ body: (Range<UInt64>) -> Bool) {
    var (base, start, end): (Dwarf_Addr, Dwarf_Addr, Dwarf_Addr) = (0, 0, 0)
    var offset = 0
    repeat {
      let next = dwarf_ranges(&die, offset, &base, &start, &end)
      guard next > 0 else { return }
      offset = next
      // Linkers relocate what they discard to 0, 1 or the highest address.
      if start > 1, start < end, end < .max - 1, !body(start..<end) { return }
    } while offset != 1 && budget.hasMore
  }

  /// Whether the DIE has code at an address. Not by `dwarf_haspc`, which ends only with the list.
  static func contain(_ address: UInt64, of die: inout Dwarf_Die, _ budget: DebugBudget) -> Bool {
    var isFound = false
    forEach(of: &die, budget) { range in
      isFound = range.contains(address)
      return !isFound
    }
    return isFound
  }
}
