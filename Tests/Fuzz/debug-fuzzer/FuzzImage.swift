/// An ELF file of debug information: code that nothing is in, and sections.
struct FuzzImage {
  /// `.debug_…`
  static let names = [
    "info", "abbrev", "line", "str", "line_str", "str_offsets", "addr", "ranges", "rnglists", "aranges",
  ]
  /// Where the code is, in memory and in the file, and its bytes.
  static let (code, codeSize): (UInt64, UInt64) = (0x1000, 0x400)

  private(set) var bytes: [UInt8] = []

  /// With those sections, in the order of the names.
  init(_ sections: [[UInt8]]) {
    let names = [".shstrtab"] + Self.names.map { ".debug_\($0)" }
    let (headerSize, segmentSize, sectionSize) = (64, 56, 64)
    let strings: [UInt8] = [0] + names.flatMap { $0.utf8 + [0] }
    let contents = [strings] + sections
    let table = Int(Self.code + Self.codeSize)
    append([0x7F, 0x45, 0x4C, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9))
    // ET_EXEC, for this machine; the program header follows, the section headers are behind the code.
    #if arch(arm64)
      append(2, 183, size: 2)
    #else
      append(2, 62, size: 2)
    #endif
    append(1, size: 4)
    append(0, UInt64(headerSize), UInt64(table), size: 8)
    append(0, size: 4)
    append(UInt64(headerSize), UInt64(segmentSize), 1, UInt64(sectionSize), UInt64(contents.count + 1), 1, size: 2)
    // PT_LOAD, readable and executable.
    append(1, 5, size: 4)
    append(Self.code, Self.code, Self.code, Self.codeSize, Self.codeSize, 0x1000, size: 8)
    append([UInt8](repeating: 0, count: table - bytes.count + sectionSize))
    var (name, offset) = (1, table + sectionSize * (contents.count + 1))
    for (index, content) in contents.enumerated() {
      // SHT_STRTAB, SHT_PROGBITS
      append(UInt64(name), index == 0 ? 3 : 1, size: 4)
      append(0, 0, UInt64(offset), UInt64(content.count), size: 8)
      append(0, 0, size: 4)
      append(1, 0, size: 8)
      name += names[index].utf8.count + 1
      offset += content.count
    }
    for content in contents { append(content) }
  }

  private mutating func append(_ more: [UInt8]) { bytes += more }

  /// Little-endian numbers of `size` bytes.
  private mutating func append(_ numbers: UInt64..., size: Int) {
    for number in numbers {
      for byte in 0..<size { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(byte)))) }
    }
  }
}
