internal import CElfUtils

/// The children of a DIE one after the other, as long as the budget lasts.
struct DieChildren {
  /// The current child.
  var die = Dwarf_Die()
  private let budget: DebugBudget
  private var hasChild: Bool
  private var isFirst = true

  init(of parent: inout Dwarf_Die, _ budget: DebugBudget) {
    self.budget = budget
    hasChild = dwarf_child(&parent, &die) == 0
  }

  /// Goes to the next child; false behind the last.
  mutating func next() -> Bool {
    guard hasChild, budget.hasMore else { return false }
    if isFirst {
      isFirst = false
      return true
    }
    let place = dwarf_dieoffset(&die)
    var sibling = Dwarf_Die()
    // DW_AT_sibling can lead back, and the walk would have no end.
    hasChild = dwarf_siblingof(&die, &sibling) == 0 && dwarf_dieoffset(&sibling) > place
    die = sibling
    return hasChild
  }
}
