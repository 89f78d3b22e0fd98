internal import CElfUtils
internal import TraceModel

/// The functions of one compilation unit by address.
struct UnitFunctions {
  private struct Piece {
    let range: Range<UInt64>
    let function: Dwarf_Off
  }

  private static let depthLimit = 32
  /// The most pieces that are looked at for an address: those of folded or damaged functions overlap.
  private static let overlapLimit = 16

  private var pieces: [Piece] = []

  /// The number of pieces that the functions are in.
  var count: Int { pieces.count }

  /// Walks the DIEs of the unit that can have functions below them, until there are `limit` pieces.
  init(of unit: inout Dwarf_Die, limit: Int, _ budget: DebugBudget) {
    walk(&unit, depth: 0, limit: limit, budget)
    pieces.sort { $0.range.lowerBound < $1.range.lowerBound }
  }

  /// The place of the DIE of the function whose code an address is in.
  func find(_ address: UInt64) -> Dwarf_Off? {
    let place = partitionPoint(of: pieces.count) { pieces[$0].range.lowerBound <= address }
    return pieces[max(0, place - Self.overlapLimit)..<place].last { $0.range.contains(address) }?.function
  }

  private mutating func walk(_ parent: inout Dwarf_Die, depth: Int, limit: Int, _ budget: DebugBudget) {
    var children = DieChildren(of: &parent, budget)
    while children.next() {
      switch Int(dwarf_tag(&children.die)) {
      case DW_TAG_subprogram:
        let function = dwarf_dieoffset(&children.die)
        DieRanges.forEach(of: &children.die, budget) { range in
          guard pieces.count < limit else { return false }
          pieces.append(Piece(range: range, function: function))
          return true
        }
      case DW_TAG_namespace, DW_TAG_module, DW_TAG_structure_type, DW_TAG_class_type, DW_TAG_union_type,
        DW_TAG_enumeration_type:
        if depth < Self.depthLimit { walk(&children.die, depth: depth + 1, limit: limit, budget) }
      default: break
      }
    }
  }
}
