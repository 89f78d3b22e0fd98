internal import CElfUtils

/// The calls at an address that the compiler inlined, within one function.
///
/// Not by `dwarf_getscopes`, which goes on from the innermost where that is declared and not where it was inlined, and which
/// finds nothing in what clang writes.
struct InlineChain {
  private static let depthLimit = 256

  private let budget: DebugBudget
  /// The function and what is inlined into it, outermost first.
  private var chain: [Dwarf_Die]

  init(of function: Dwarf_Die, at address: UInt64, _ budget: DebugBudget) {
    self.budget = budget
    chain = [function]
    var parent = function
    for _ in 0..<Self.depthLimit {
      guard let inner = child(of: &parent, at: address) else { break }
      parent = inner
      if Int(dwarf_tag(&parent)) == DW_TAG_inlined_subroutine { chain.append(inner) }
    }
  }

  private func child(of parent: inout Dwarf_Die, at address: UInt64) -> Dwarf_Die? {
    var children = DieChildren(of: &parent, budget)
    while children.next() {
      switch Int(dwarf_tag(&children.die)) {
      case DW_TAG_inlined_subroutine, DW_TAG_lexical_block, DW_TAG_try_block, DW_TAG_catch_block:
        if DieRanges.contain(address, of: &children.die, budget) { return children.die }
      default: break
      }
    }
    return nil
  }

  /// The inlined calls and the function, innermost first. `source` is the line table's of the address, which may be read if the
  /// unit `hasLines`.
  mutating func scopes(unit: inout Dwarf_Die, source: String?, hasLines: Bool, _ names: DieNames)
    -> [DebugInformation.Scope]
  {
    var scopes: [DebugInformation.Scope] = []
    var source = source
    for index in chain.indices.reversed() {
      var scope = DebugInformation.Scope(name: names.of(chain[index]), source: source)
      if index > 0 {
        source = hasLines ? SourceLine.ofCall(&chain[index], unit: &unit) : nil
      } else {
        var start: Dwarf_Addr = 0
        if dwarf_entrypc(&chain[index], &start) == 0 { scope.start = start }
      }
      scopes.append(scope)
    }
    return scopes
  }
}
