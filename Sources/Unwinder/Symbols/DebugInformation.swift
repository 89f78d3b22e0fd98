internal import CElfUtils
internal import Glibc

/// Where in the sources an instruction comes from, by a file's DWARF.
///
/// libdw reads by `pread`, not from a mapping that the file's owner could truncate; it decompresses sections and follows
/// `.gnu_debugaltlink`. All of it is read only as far as an address needs.
final class DebugInformation {
  /// A function that was inlined at the address, or the one that it is in.
  struct Scope: Equatable {
    /// As linked, where that is known; nil for the function that is not inlined, whose symbol names it.
    var name: String?
    /// `FILE:LINE` in it.
    var source: String?
  }

  private struct UnitRange: BitwiseCopyable {
    var start: UInt64
    var end: UInt64
    /// Of the unit's entry in .debug_info.
    var unit: UInt64
  }

  /// Ranges of units that are read where a compiler wrote no .debug_aranges.
  private static let rangeLimit = 1 << 20
  /// Scopes that are looked at: nothing is inlined this deeply.
  private static let depthLimit = 256

  private let file: ImageFile
  private let elf: OpaquePointer
  private let dwarf: OpaquePointer
  private lazy var ranges = readRanges()

  /// Nil if the file has no debug information.
  init?(of bytes: borrowing ImageBytes) {
    guard case .file(let file) = bytes.storage, elf_version(UInt32(EV_CURRENT)) != UInt32(EV_NONE),
      let elf = elf_begin(file.descriptor, ELF_C_READ, nil)
    else { return nil }
    guard let dwarf = dwarf_begin_elf(elf, DWARF_C_READ, nil) else {
      elf_end(elf)
      return nil
    }
    self.file = file
    self.elf = elf
    self.dwarf = dwarf
  }

  deinit {
    dwarf_end(dwarf)
    elf_end(elf)
  }

  /// The functions that the instruction at `address` belongs to, innermost first; empty where nothing is known.
  func scopes(at address: UInt64) -> [Scope] {
    var unit = Dwarf_Die()
    guard findUnit(address, &unit) else { return [] }
    var source = line(at: address, &unit)
    var found: [Scope] = []
    for var scope in inlined(at: address, in: unit).reversed() {
      found.append(Scope(name: name(&scope), source: source))
      source = callSite(&scope, &unit)
    }
    if found.isEmpty, source == nil { return [] }
    return found + [Scope(name: nil, source: source)]
  }

  /// The inlined functions at `address`, outermost first. Not by `dwarf_getscopes`, which goes on from the innermost where
  /// that is declared and not where it was inlined, and which finds nothing in what clang writes.
  private func inlined(at address: UInt64, in unit: Dwarf_Die) -> [Dwarf_Die] {
    var found: [Dwarf_Die] = []
    var parent = unit
    var depth = 0
    while depth < Self.depthLimit, let inner = child(of: parent, containing: address) {
      parent = inner
      if dwarf_tag(&parent) == DW_TAG_inlined_subroutine { found.append(inner) }
      depth += 1
    }
    return found
  }

  private func child(of parent: Dwarf_Die, containing address: UInt64) -> Dwarf_Die? {
    var (parent, child, next) = (parent, Dwarf_Die(), Dwarf_Die())
    guard dwarf_child(&parent, &child) == 0 else { return nil }
    while true {
      switch Int(dwarf_tag(&child)) {
      case Int(DW_TAG_subprogram), Int(DW_TAG_inlined_subroutine), Int(DW_TAG_lexical_block):
        if dwarf_haspc(&child, address) > 0 { return child }
      case Int(DW_TAG_namespace), Int(DW_TAG_module):
        // What is in it may have code, it has not itself.
        if let inner = self.child(of: child, containing: address) { return inner }
      default: break
      }
      guard dwarf_siblingof(&child, &next) == 0 else { return nil }
      child = next
    }
  }

  private func findUnit(_ address: UInt64, _ unit: inout Dwarf_Die) -> Bool {
    if dwarf_addrdie(dwarf, address, &unit) != nil { return true }
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0, address < ranges[low - 1].end else { return false }
    return dwarf_offdie(dwarf, ranges[low - 1].unit, &unit) != nil
  }

  private func readRanges() -> [UnitRange] {
    var found: [UnitRange] = []
    var (offset, next, headerSize) = (Dwarf_Off(0), Dwarf_Off(0), 0)
    while found.count < Self.rangeLimit,
      dwarf_next_unit(dwarf, offset, &next, &headerSize, nil, nil, nil, nil, nil, nil) == 0
    {
      var unit = Dwarf_Die()
      if dwarf_offdie(dwarf, offset &+ Dwarf_Off(headerSize), &unit) != nil {
        var (place, base, start, end) = (0, Dwarf_Addr(0), Dwarf_Addr(0), Dwarf_Addr(0))
        while true {
          place = dwarf_ranges(&unit, place, &base, &start, &end)
          guard place > 0, found.count < Self.rangeLimit else { break }
          if start < end {
            found.append(UnitRange(start: start, end: end, unit: offset &+ Dwarf_Off(headerSize)))
          }
        }
      }
      guard next > offset else { break }
      offset = next
    }
    return found.sorted { $0.start < $1.start }
  }

  private func line(at address: UInt64, _ unit: inout Dwarf_Die) -> String? {
    guard let line = dwarf_getsrc_die(&unit, address) else { return nil }
    var number: Int32 = 0
    guard dwarf_lineno(line, &number) == 0, number > 0, let file = dwarf_linesrc(line, nil, nil) else { return nil }
    return "\(String(cString: file)):\(number)"
  }

  private func callSite(_ scope: UnsafeMutablePointer<Dwarf_Die>, _ unit: inout Dwarf_Die) -> String? {
    guard let file = number(scope, DW_AT_call_file), let line = number(scope, DW_AT_call_line) else { return nil }
    var (files, count): (OpaquePointer?, Int) = (nil, 0)
    guard dwarf_getsrcfiles(&unit, &files, &count) == 0, let files, file < UInt64(count),
      let name = dwarf_filesrc(files, Int(file), nil, nil)
    else { return nil }
    return "\(String(cString: name)):\(line)"
  }

  private func number(_ scope: UnsafeMutablePointer<Dwarf_Die>, _ attribute: Int) -> UInt64? {
    var found = Dwarf_Attribute()
    var value: Dwarf_Word = 0
    guard dwarf_attr(scope, UInt32(attribute), &found) != nil, dwarf_formudata(&found, &value) == 0 else { return nil }
    return value
  }

  private func name(_ scope: UnsafeMutablePointer<Dwarf_Die>) -> String? {
    var found = Dwarf_Attribute()
    for attribute in [DW_AT_linkage_name, DW_AT_MIPS_linkage_name] {
      guard dwarf_attr_integrate(scope, UInt32(attribute), &found) != nil, let name = dwarf_formstring(&found) else {
        continue
      }
      return String(cString: name)
    }
    return dwarf_diename(scope).map { String(cString: $0) }
  }
}
