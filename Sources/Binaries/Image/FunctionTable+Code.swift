internal import TraceModel
internal import Unwinder

/// Where a function's code ends, and what belongs to it.
extension FunctionTable {
  /// The code of the function, or of the part of one, that `address` is in: as the symbol's size says, else the call frame
  /// information, else up to the next function. nil if none is known.
  package mutating func code(containing address: UInt64) throws(ImageError) -> Range<UInt64>? {
    let found = try function(containing: address)
    if let sized = sizedEntry(containing: address) {
      let (end, overflow) = sized.address.addingReportingOverflow(sized.size)
      return overflow ? nil : sized.address..<end
    }
    let described = describedCode(containing: address)
    guard let found else { return described }
    // A label inside of a function without a size.
    if found.kind == .untyped, let described, described.contains(address), described.lowerBound < found.address {
      return described
    }
    let next = partitionPoint(of: addresses.count) { entries[Int(addresses[$0])].address <= found.address }
    let ends = [
      described.flatMap { $0.contains(found.address) ? $0.upperBound : nil },
      next < addresses.count ? entries[Int(addresses[next])].address : nil, image.codeEnd(after: found.address),
    ].compactMap { $0 }
    return ends.min().map { found.address..<max($0, found.address) }
  }

  /// The last function with a size that `address` is in: labels inside of a function have none, or no type.
  private func sizedEntry(containing address: UInt64) -> SymbolEntry? {
    let count = partitionPoint(of: addresses.count) { entries[Int(addresses[$0])].address <= address }
    var untyped: SymbolEntry?
    for place in addresses[max(0, count - 64)..<count].reversed() {
      let entry = entries[Int(place)]
      guard entry.size > 0, address - entry.address < entry.size else { continue }
      if entry.kind != .untyped { return entry }
      untyped = untyped ?? entry
    }
    return untyped
  }

  /// Whether a function begins at one of these addresses.
  package mutating func hasFunction(at range: Range<UInt64>) throws(ImageError) -> Bool {
    try sort()
    let first = partitionPoint(of: addresses.count) { entries[Int(addresses[$0])].address < range.lowerBound }
    return first < addresses.count && entries[Int(addresses[first])].address < range.upperBound
  }

  /// Whether code that runs from `address` on has a stack frame already, as a part of a function has that was split off, and a
  /// function has not that begins there. false where no call frame information tells.
  package mutating func isInsideFrame(_ address: UInt64) -> Bool {
    let (stackPointer, word): (UInt8, Int64) = image.is64Bit ? (7, 8) : (4, 4)
    guard image.abi != .arm64, let row = row(for: address), case .registerOffset(let register, let offset) = row.cfa
    else { return false }
    return register != stackPointer || offset != word
  }
}
