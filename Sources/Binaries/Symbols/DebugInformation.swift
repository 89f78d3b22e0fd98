internal import CElfUtils

/// The DWARF of an image: which functions, inlined ones as well, and lines are at an address.
///
/// libdw reads it, in this process and on bytes that may be hostile. What holds it in: `DebugSections` keeps it from opening
/// files, `UnitHeaders` and `LinePrograms` look beforehand at what it would expand or go through in one call, trees are
/// walked here, forwards only, and `DebugBudget` bounds bytes, time and memory between calls. Sections are copied by
/// `pread` and not mapped; libdw itself checks its reads against their ends.
final class DebugInformation {
  /// A function at an address, or one that the compiler put into it.
  struct Scope: Equatable {
    /// The function's name as linked; if it has none, as the source has it.
    var name: String?
    /// `FILE:LINE` of the instruction, or of the call that was inlined.
    var source: String?
    /// The address of the function's first instruction, before the image is moved; nil for an inlined function.
    var start: UInt64?
  }

  /// The most pieces of code that the functions of all units may have.
  private static let functionLimit = 1 << 22

  private let file: ImageFile
  private let handle: ELFHandle
  private let dwarf: OpaquePointer
  /// The debug information of the file that the image's entries refer to as well. It is kept because libdw refers to it.
  private let alternate: DebugInformation?
  /// Whether a unit that was asked for has its functions in a file of its own (DWARF 5, 7.3.2).
  private(set) var isSplit = false
  private let budget: DebugBudget
  private var units: UnitTable
  private var lines: LinePrograms
  private let strings: DebugStrings
  private let names: DieNames
  private var functions: [Dwarf_Off: UnitFunctions] = [:]
  private var functionCount = 0
  private var spent = Duration.zero

  /// Opens the DWARF of an image; nil if the image is not a file with such sections, or if `budget` does not allow for them.
  /// `alternate`: that of the file in which dwz has put what several images have in common.
  init?(of image: borrowing ELFImage, alternate: DebugInformation? = nil, _ budget: DebugBudget) {
    guard case .file(let file) = image.bytes.storage, DebugSections.hasUnits(image) else { return nil }
    guard let handle = ELFHandle(of: image.bytes), let sections = DebugSections(in: handle, of: image.bytes) else {
      budget.noteUnreadable()
      return nil
    }
    guard budget.takeSections(sections.size) else { return nil }
    var time = Duration.zero
    let elf = handle.elf
    let opened = budget.spend(on: &time) { () -> (OpaquePointer, UnitTable)? in
      guard let dwarf = dwarf_begin_elf(elf, DWARF_C_READ, nil) else {
        budget.noteUnreadable()
        return nil
      }
      if sections.isPacked(["info", "abbrev"]) {
        budget.noteUnreadable()
        dwarf_end(dwarf)
        return nil
      }
      guard UnitHeaders.areBounded(sections) else {
        budget.leaveOut()
        dwarf_end(dwarf)
        return nil
      }
      return (dwarf, UnitTable(of: dwarf))
    }
    guard case let (dwarf, units)?? = opened else { return nil }
    if sections.isDamaged || sections.isPacked() { budget.noteUnreadable() }
    self.file = file
    self.handle = handle
    self.dwarf = dwarf
    self.units = units
    self.budget = budget
    strings = DebugStrings(sections, alternate?.strings)
    self.alternate = alternate
    lines = LinePrograms(sections, strings, budget)
    names = DieNames(strings)
    spent = time
    if let alternate { dwarf_setalt(dwarf, alternate.dwarf) }
  }

  deinit { dwarf_end(dwarf) }

  /// The functions at an address, innermost first; the last one is not inlined. Empty if nothing is known.
  func scopes(at address: UInt64) -> [Scope] {
    var time = spent
    defer { spent = time }
    return budget.spend(on: &time) { find(address) } ?? []
  }

  private func find(_ address: UInt64) -> [Scope] {
    var fallback: [Scope] = []
    for unit in units.find(address, budget) {
      var die = Dwarf_Die()
      guard dwarf_offdie(dwarf, unit, &die) != nil else { continue }
      let scopes = scopes(at: address, unit: &die, offset: unit)
      if let outermost = scopes.last, outermost.name != nil { return scopes }
      if fallback.isEmpty { fallback = scopes }
    }
    return fallback
  }

  private func scopes(at address: UInt64, unit: inout Dwarf_Die, offset: Dwarf_Off) -> [Scope] {
    if dwarf_hasattr(&unit, UInt32(DW_AT_dwo_name)) != 0 || dwarf_hasattr(&unit, UInt32(DW_AT_GNU_dwo_name)) != 0 {
      isSplit = true
    }
    let hasLines = lines.allows(&unit)
    let source = hasLines ? SourceLine.of(address, unit: &unit) : nil
    var function = Dwarf_Die()
    guard let found = functions(of: &unit, offset: offset).find(address), dwarf_offdie(dwarf, found, &function) != nil
    else { return source == nil ? [] : [Scope(source: source)] }
    var chain = InlineChain(of: function, at: address, budget)
    return chain.scopes(unit: &unit, source: source, hasLines: hasLines, names)
  }

  private func functions(of unit: inout Dwarf_Die, offset: Dwarf_Off) -> UnitFunctions {
    if let known = functions[offset] { return known }
    let read = UnitFunctions(of: &unit, limit: Self.functionLimit - functionCount, budget)
    functionCount += read.count
    functions[offset] = read
    return read
  }
}
