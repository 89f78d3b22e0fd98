internal import CElfUtils
internal import Glibc
internal import TraceModel

/// The functions of one symbol table (.symtab or .dynsym), in its order.
///
/// The symbols are read as an array and not one by one through libelf, which takes longer than all the rest.
struct SymbolTable {
  let entries: [SymbolEntry]
  let strings: SectionBytes

  /// Reads the table of type SHT_SYMTAB or SHT_DYNSYM; nil if the image has none.
  init?(type: Int32, of image: borrowing ELFImage, number: UInt8) throws(ImageError) {
    guard let section = image.section(ofType: type), section.hasBytes,
      let stringSection = image.section(at: section.link)
    else { return nil }
    let symbols = try image.data(of: section)
    strings = try image.data(of: stringSection)
    let versions = try Self.versions(of: section, in: image)
    let last = image.sections.last?.index ?? 0
    // Only a hostile image numbers its sections so high that this would be large.
    var executable = [Bool](repeating: false, count: min(last, Int(SHN_LORESERVE)) + 1)
    for section in image.sections where section.isExecutable && section.index < executable.count {
      executable[section.index] = true
    }
    let reader = SymbolReader(
      executable: executable, versions: versions, stringsSize: UInt32(clamping: strings.count), table: number)
    entries = reader.read(symbols, is64Bit: image.is64Bit)
  }

  private static func versions(of symbols: ELFSection, in image: borrowing ELFImage) throws(ImageError) -> SectionBytes
  {
    // SHT_GNU_versym has the value 0x6fffffff, and the headers' macro does not fit Int32's import everywhere.
    for section in image.sections where section.type == 0x6FFF_FFFF && section.link == symbols.index {
      return try image.data(of: section)
    }
    return SectionBytes()
  }
}

/// An `Elf64_Sym` or an `Elf32_Sym`, which have the same members in different places.
private struct RawSymbol {
  let name: UInt32
  let info: UInt8
  let section: UInt16
  let address: UInt64
  let size: UInt64

  init(_ symbol: Elf64_Sym) {
    name = symbol.st_name
    info = symbol.st_info
    section = symbol.st_shndx
    address = symbol.st_value
    size = symbol.st_size
  }

  init(_ symbol: Elf32_Sym) {
    name = symbol.st_name
    info = symbol.st_info
    section = symbol.st_shndx
    address = UInt64(symbol.st_value)
    size = UInt64(symbol.st_size)
  }
}

private struct SymbolReader {
  let executable: [Bool]
  let versions: SectionBytes
  let stringsSize: UInt32
  let table: UInt8

  func read(_ data: SectionBytes, is64Bit: Bool) -> [SymbolEntry] {
    var entries: [SymbolEntry] = []
    data.bytes.withUnsafeBytes { bytes in
      let size = is64Bit ? MemoryLayout<Elf64_Sym>.size : MemoryLayout<Elf32_Sym>.size
      let count = bytes.count / size
      entries.reserveCapacity(count / 2)
      var file: UInt32 = 0
      for index in 0..<count {
        let symbol =
          is64Bit
          ? RawSymbol(bytes.loadUnaligned(fromByteOffset: index * size, as: Elf64_Sym.self))
          : RawSymbol(bytes.loadUnaligned(fromByteOffset: index * size, as: Elf32_Sym.self))
        // The type is in the lower four bits, the binding above them.
        if Int32(symbol.info & 0xF) == STT_FILE {
          file = symbol.name < stringsSize ? symbol.name : 0
        } else if var entry = entry(symbol, file: file) {
          entry.isHidden = isHidden(index)
          entries.append(entry)
        }
      }
    }
    return entries
  }

  private func entry(_ symbol: RawSymbol, file: UInt32) -> SymbolEntry? {
    let section = Int32(symbol.section)
    guard section != SHN_UNDEF, section != SHN_ABS, section != SHN_COMMON, symbol.name != 0, symbol.name < stringsSize
    else { return nil }
    let binding: Function.Binding
    switch Int32(symbol.info >> 4) {
    case STB_LOCAL: binding = .local
    case STB_WEAK: binding = .weak
    default: binding = .global
    }
    let kind: Function.Kind
    switch Int32(symbol.info & 0xF) {
    case STT_FUNC: kind = .function
    case STT_GNU_IFUNC: kind = .indirect
    case STT_NOTYPE where binding != .local && Int(section) < executable.count && executable[Int(section)]:
      kind = .untyped
    default: return nil
    }
    return SymbolEntry(
      address: symbol.address, size: symbol.size, name: symbol.name, file: binding == .local ? file : 0, table: table,
      binding: binding, kind: kind, isHidden: false)
  }

  private func isHidden(_ index: Int) -> Bool {
    guard let version = versions.load(UInt16.self, at: index * 2) else { return false }
    return version & 0x8000 != 0
  }
}
