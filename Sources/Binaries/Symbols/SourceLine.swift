internal import CElfUtils
internal import Glibc

/// Files and lines, as `FILE:LINE`.
enum SourceLine {
  /// The most bytes of a path that are read; what follows them is left out.
  private static let pathLimit = 1 << 13

  /// The source line of the instruction at an address; nil where the compiler gives none (line 0).
  static func of(_ address: UInt64, unit: inout Dwarf_Die) -> String? {
    guard let line = dwarf_getsrc_die(&unit, address) else { return nil }
    var number: Int32 = 0
    guard dwarf_lineno(line, &number) == 0, number > 0, let file = dwarf_linesrc(line, nil, nil)
    else { return nil }
    return "\(path(file)):\(number)"
  }

  /// The source line of an inlined function's call.
  static func ofCall(_ die: inout Dwarf_Die, unit: inout Dwarf_Die) -> String? {
    guard let line = number(DW_AT_call_line, of: &die), let index = number(DW_AT_call_file, of: &die) else {
      return nil
    }
    var (files, count): (OpaquePointer?, Int) = (nil, 0)
    guard dwarf_getsrcfiles(&unit, &files, &count) == 0, let files, index < count,
      let file = dwarf_filesrc(files, Int(index), nil, nil)
    else { return nil }
    return "\(path(file)):\(line)"
  }

  /// A copy of a path, which `LineProgram` has seen the end of.
  private static func path(_ file: UnsafePointer<CChar>) -> String {
    String(decoding: UnsafeRawBufferPointer(start: file, count: strnlen(file, pathLimit)), as: UTF8.self)
  }

  private static func number(_ name: Int, of die: inout Dwarf_Die) -> UInt64? {
    var (attribute, value) = (Dwarf_Attribute(), Dwarf_Word())
    guard dwarf_attr(&die, UInt32(name), &attribute) != nil, dwarf_formudata(&attribute, &value) == 0 else {
      return nil
    }
    return value
  }
}
