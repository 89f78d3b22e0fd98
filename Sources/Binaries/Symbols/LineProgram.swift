internal import TraceModel

/// A unit's line program in .debug_line (DWARF 5, 6.2), which libdw expands: to a row of a hundred bytes for each byte that
/// says so, and to a path of its own for each file, with its directory's.
struct LineProgram {
  /// The number of rows of the program's table.
  let rows: Int

  /// Reads the program at an offset. Nil if it is damaged, has more than `limit` rows or too long names, or says what no
  /// compiler does: then libdw must not read it.
  ///
  /// `addressSize`: of the unit, in bytes. `directory`: bytes of the path that its directories are below.
  init?(at offset: UInt64, of sections: DebugSections, addressSize: Int, directory: Int, limit: Int) {
    let section = sections.reader("line")
    guard var start = section.part(from: offset), let (length, offsetSize) = start.unitLength(),
      case let (end, overflow) = UInt64(start.offset).addingReportingOverflow(length), !overflow,
      var reader = section.part(from: UInt64(start.offset), to: end),
      let version = reader.next(UInt16.self), (2...5).contains(version),
      // The sizes of addresses and segment selectors.
      version < 5 || reader.skip(2), let headerLength = reader.offset(size: offsetSize)
    else { return nil }
    let header = UInt64(reader.offset)
    // The shortest instruction, from version 4 on how many there are in one, whether lines begin statements, the first line's
    // distance and the number of distances.
    guard reader.skip(version < 4 ? 4 : 5), let opcodes = LineOpcodes(&reader, addressSize: addressSize) else {
      return nil
    }
    var names = LineNames(sections, offsetSize: offsetSize, directory: directory)
    guard version < 5 ? names.skipLists(&reader) : names.skipTables(&reader),
      UInt64(reader.offset) == header &+ headerLength, let rows = opcodes.countRows(&reader, limit: limit)
    else { return nil }
    self.rows = rows
  }
}

/// The opcodes of a line program, and how many bytes follow each.
private struct LineOpcodes {
  /// How many numbers follow each opcode from 1 on that DWARF knows (6.2.5.2); what follows opcode 9 has a fixed size.
  private static let standard: [UInt8] = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1]

  private let addressSize: Int
  /// How many numbers follow each opcode from 1 on; opcodes behind these are special.
  private let lengths: [UInt8]

  /// Reads the lengths; nil if they are not those that DWARF says.
  init?(_ reader: inout ByteCursor, addressSize: Int) {
    self.addressSize = addressSize
    guard let base = reader.next(UInt8.self), base > 0 else { return nil }
    var lengths: [UInt8] = []
    for _ in 1..<base {
      guard let length = reader.next(UInt8.self) else { return nil }
      lengths.append(length)
    }
    guard zip(lengths, Self.standard).allSatisfy(==) else { return nil }
    self.lengths = lengths
  }

  func countRows(_ reader: inout ByteCursor, limit: Int) -> Int? {
    var rows = 0
    while !reader.isAtEnd {
      guard let opcode = reader.next(UInt8.self) else { return nil }
      switch opcode {
      case let special where Int(special) > lengths.count: rows += 1
      case 0:
        guard let isEnd = skipExtended(&reader) else { return nil }
        if isEnd { rows += 1 }
      // DW_LNS_copy
      case 1: rows += 1
      // DW_LNS_fixed_advance_pc
      case 9: guard reader.skip(2) else { return nil }
      default:
        for _ in 0..<lengths[Int(opcode) - 1] where reader.number() == nil { return nil }
      }
      guard rows <= limit else { return nil }
    }
    return rows
  }

  /// Skips an extended opcode. Returns whether it ends a sequence, which is a row too; nil if it is not one that compilers write
  /// in the length that it has.
  private func skipExtended(_ reader: inout ByteCursor) -> Bool? {
    guard let length = reader.next(UInt8.self), length > 0, let opcode = reader.next(UInt8.self) else { return nil }
    let start = reader.offset
    switch opcode {
    // DW_LNE_end_sequence
    case 1: break
    // DW_LNE_set_address
    case 2: guard reader.skip(UInt64(addressSize)) else { return nil }
    // DW_LNE_set_discriminator
    case 4: guard reader.number() != nil else { return nil }
    default: return nil
    }
    return reader.offset - start == Int(length) - 1 ? opcode == 1 : nil
  }
}

/// The directories and files of a line program, which its header lists.
private struct LineNames {
  /// The most bytes of all paths together.
  private static let limit = 64 << 20
  /// The most bytes of one name.
  static let nameLimit = 1 << 16
  /// The bytes that a file takes besides its path.
  private static let fileSize = 64

  private let strings: ByteCursor
  private let lineStrings: ByteCursor
  private let offsetSize: Int
  private var longestDirectory: Int
  private var size = 0

  init(_ sections: DebugSections, offsetSize: Int, directory: Int) {
    (strings, lineStrings) = (sections.reader("str"), sections.reader("line_str"))
    self.offsetSize = offsetSize
    longestDirectory = directory
  }

  private mutating func take(_ length: Int, isDirectory: Bool) -> Bool {
    size += length + Self.fileSize + (isDirectory ? 0 : longestDirectory)
    if isDirectory { longestDirectory = max(longestDirectory, length) }
    return size <= Self.limit
  }

  /// Skips the lists of up to version 4: names up to an empty one, of the directories and then of the files, which three numbers
  /// follow.
  mutating func skipLists(_ reader: inout ByteCursor) -> Bool {
    for isDirectory in [true, false] {
      while true {
        guard let length = reader.stringLength(limit: Self.nameLimit) else { return false }
        if length == 0 { break }
        guard take(length, isDirectory: isDirectory) else { return false }
        for _ in 0..<(isDirectory ? 0 : 3) where reader.number() == nil { return false }
      }
    }
    return true
  }

  /// Skips the tables of version 5 and later: the entries' format as pairs of contents and form, then entries.
  mutating func skipTables(_ reader: inout ByteCursor) -> Bool {
    for isDirectory in [true, false] {
      guard let formatCount = reader.next(UInt8.self) else { return false }
      var format: [(isPath: Bool, form: UInt64)] = []
      for _ in 0..<formatCount {
        guard let content = reader.number(), let form = reader.number() else { return false }
        // DW_LNCT_path
        format.append((content == 1, form))
      }
      guard let count = reader.number(), count == 0 || !format.isEmpty else { return false }
      for _ in 0..<count {
        for (isPath, form) in format {
          guard let length = skip(form, &reader), !isPath || take(length, isDirectory: isDirectory) else {
            return false
          }
        }
        guard !reader.isAtEnd else { return false }
      }
    }
    return true
  }

  /// Skips a value and returns the length of a text, 0 for another value; nil if it is damaged, or in a form that no compiler
  /// uses here.
  private func skip(_ form: UInt64, _ reader: inout ByteCursor) -> Int? {
    switch form {
    // DW_FORM_string
    case 0x08: return reader.stringLength(limit: Self.nameLimit)
    // DW_FORM_strp, DW_FORM_line_strp
    case 0x0E, 0x1F:
      let section = form == 0x0E ? strings : lineStrings
      guard let offset = reader.offset(size: offsetSize), var text = section.part(from: offset) else { return nil }
      return text.stringLength(limit: Self.nameLimit)
    // DW_FORM_data1, data2, data4, data8, data16
    case 0x0B: return reader.skip(1) ? 0 : nil
    case 0x05: return reader.skip(2) ? 0 : nil
    case 0x06: return reader.skip(4) ? 0 : nil
    case 0x07: return reader.skip(8) ? 0 : nil
    case 0x1E: return reader.skip(16) ? 0 : nil
    // DW_FORM_udata
    case 0x0F: return reader.number() == nil ? nil : 0
    // DW_FORM_block
    case 0x09:
      guard let count = reader.number(), reader.skip(count) else { return nil }
      return 0
    default: return nil
    }
  }
}
