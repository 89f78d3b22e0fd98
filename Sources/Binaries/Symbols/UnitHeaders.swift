internal import TraceModel

/// What the units of .debug_info and their abbreviations would cost.
///
/// Before libdw knows one unit it makes a table of all before it, a kilobyte each, and reads their abbreviations until it
/// has found that of the unit's first entry: twelve bytes become a kilobyte, and a damaged unit has its whole table read. It
/// goes over attributes without bytes as often as a hostile file repeats them. None of that it bounds, and all of it happens in
/// one call. No compiler comes near these limits.
enum UnitHeaders {
  /// The most units; a browser has 60,000.
  private static let unitLimit = 1 << 17
  /// The most bytes of one unit: libdw goes through all of one to find an entry's sibling.
  private static let sizeLimit: UInt64 = 256 << 20
  /// The most abbreviations that are read until all units' first entries are known.
  private static let abbreviationLimit = 1 << 22

  /// Whether the units are few and small enough for libdw.
  static func areBounded(_ sections: DebugSections) -> Bool {
    var units = sections.reader("info")
    var tables = AbbreviationTables(sections.reader("abbrev"))
    var (count, cost) = (0, 0)
    while !units.isAtEnd {
      // What is cut off has no unit any more.
      guard let (length, offsetSize) = units.unitLength() else { break }
      let start = units
      count += 1
      guard count <= unitLimit, length <= sizeLimit else { return false }
      if let unit = UnitHeader(reading: units, offsetSize: offsetSize) {
        guard let table = tables.table(at: unit.abbreviations) else { return false }
        cost += unit.firstCode == table.firstCode ? 1 : table.count
        guard cost <= abbreviationLimit else { return false }
      }
      units = start
      guard units.skip(length) else { break }
    }
    return true
  }
}

/// A unit's header and the start of its first entry (DWARF 5, 7.5.1).
private struct UnitHeader {
  /// Where the unit's table begins in .debug_abbrev.
  let abbreviations: UInt64
  /// The abbreviation of the unit's first entry.
  let firstCode: UInt64

  /// Reads a unit's header; nil if it is cut off, or of a version that libdw does not know.
  init?(reading start: ByteCursor, offsetSize: Int) {
    var reader = start
    guard let version = reader.next(UInt16.self), (2...5).contains(version) else { return nil }
    var type: UInt8 = 1
    if version >= 5 {
      guard let found = reader.next(UInt8.self), reader.skip(1), let offset = reader.offset(size: offsetSize) else {
        return nil
      }
      (type, abbreviations) = (found, offset)
    } else {
      guard let offset = reader.offset(size: offsetSize), reader.skip(1) else { return nil }
      abbreviations = offset
    }
    // DW_UT_type and DW_UT_split_type have a signature and an offset, DW_UT_skeleton and DW_UT_split_compile an id.
    let rest =
      switch type {
      case 2, 6: 8 + offsetSize
      case 4, 5: 8
      default: 0
      }
    guard reader.skip(UInt64(rest)), let code = reader.number() else { return nil }
    firstCode = code
  }
}
