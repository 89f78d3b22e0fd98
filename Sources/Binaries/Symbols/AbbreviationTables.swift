internal import TraceModel

/// The tables of .debug_abbrev (DWARF 5, 7.5.3), as far as units use them.
struct AbbreviationTables {
  struct Table {
    /// The number of the table's abbreviations.
    let count: Int
    /// The code of the first abbreviation; 0 in an empty table.
    let firstCode: UInt64
  }

  /// The most abbreviations of one table.
  private static let countLimit = 1 << 16
  /// The most attributes of one abbreviation; compilers have twenty.
  private static let attributeLimit = 256
  /// The most attributes of one abbreviation whose values take no bytes in an entry.
  private static let emptyLimit = 32
  /// The most bytes of tables that are read in all: tables may overlap.
  private static let bytesLimit = 256 << 20
  /// The forms whose values take no bytes in an entry: DW_FORM_flag_present and DW_FORM_implicit_const.
  private static let (flagPresent, implicitConstant): (UInt64, UInt64) = (0x19, 0x21)

  private let section: ByteCursor
  private var known: [UInt64: Table] = [:]
  private var bytesRead = 0

  init(_ section: ByteCursor) { self.section = section }

  /// The table at an offset; nil if it is damaged or exceeds the limits.
  mutating func table(at offset: UInt64) -> Table? {
    if let found = known[offset] { return found }
    guard var reader = section.part(from: offset) else { return nil }
    var (count, firstCode) = (0, UInt64(0))
    while true {
      // At its end the section ends the table too.
      guard !reader.isAtEnd, let code = reader.number() else { break }
      if code == 0 { break }
      if count == 0 { firstCode = code }
      count += 1
      guard count <= Self.countLimit, bytesRead + reader.offset - Int(offset) <= Self.bytesLimit,
        Self.skipAbbreviation(&reader)
      else { return nil }
    }
    bytesRead += reader.offset - Int(offset)
    let table = Table(count: count, firstCode: firstCode)
    known[offset] = table
    return table
  }

  /// Skips an abbreviation behind its code.
  private static func skipAbbreviation(_ reader: inout ByteCursor) -> Bool {
    // The tag, and whether there are children.
    guard reader.number() != nil, reader.skip(1) else { return false }
    var empty = 0
    for _ in 0...attributeLimit {
      guard let name = reader.number(), let form = reader.number() else { return false }
      if form == implicitConstant, reader.number() == nil { return false }
      if name == 0, form == 0 { return true }
      if form == flagPresent || form == implicitConstant || form == 0 { empty += 1 }
      guard empty <= emptyLimit else { return false }
    }
    return false
  }
}
