internal import CElfUtils
internal import Glibc
package import TraceModel

/// A program, a shared library or a separate debug file: its headers, and its sections on demand.
///
/// The file is the target's and untrusted: all that it says of itself is checked against its size.
package struct ELFImage: ~Copyable {
  /// How the image comes to its addresses in memory.
  package enum Kind: Sendable {
    /// ET_EXEC: loaded at the addresses that its symbols have.
    case fixed
    /// ET_DYN: a shared library or a position-independent program, loaded anywhere.
    case relocatable
  }

  /// The most bytes of a section that is read; a larger one is not read.
  package static let sectionLimit: UInt64 = 1 << 30

  /// The most sections that an image may have. Programs have some dozen; only object files of compilers have many thousand.
  static let sectionCountLimit: UInt64 = 1 << 18

  /// The path of the file that was opened, which errors name.
  package let path: String
  /// Whether the image has fixed addresses (ET_EXEC) or can be loaded anywhere (ET_DYN).
  package let kind: Kind
  /// The syscall numbering of the image's machine, which names the machine too.
  package let abi: SyscallABI
  /// Whether addresses have 64 bits.
  package let is64Bit: Bool
  /// The program headers, in the file's order.
  package let segments: [ELFSegment]
  /// The section headers, in the file's order; none if they are stripped.
  package let sections: [ELFSection]

  private let handle: ELFHandle
  let bytes: ImageBytes
  private let sectionNames: SectionBytes

  /// Opens a file and reads its headers.
  package init(path: String) throws(ImageError) {
    try self.init(bytes: ImageBytes(path: path), path: path)
  }

  /// `path` is what errors name: for an image in memory, the file that it comes from. `allowsObjects`: also what is not to be
  /// loaded (ET_REL), as dwz's common files. `allowsForeign`: also what is made for another machine that is known here, as a
  /// recording's files can be; else only what this kernel runs.
  init(
    bytes: consuming ImageBytes, path: String, allowsObjects: Bool = false, allowsForeign: Bool = false
  ) throws(ImageError) {
    guard bytes.read(at: 0, count: 4) == Array("\u{7F}ELF".utf8) else { throw .notELF(path: path) }
    guard bytes.size >= MemoryLayout<Elf32_Ehdr>.size else { throw .truncated(path: path, part: "header") }
    try Self.checkExtendedCounts(bytes, path: path)
    guard let handle = ELFHandle(of: bytes), let header = handle.header else {
      throw bytes.size < MemoryLayout<Elf64_Ehdr>.size
        ? .truncated(path: path, part: "header") : .unsupported(path: path, reason: "its header is malformed")
    }
    let abi = try Self.machine(of: header, path: path, allowsForeign: allowsForeign)
    try Self.checkHeaderTables(of: header, size: bytes.size, path: path)
    let kind = try Self.kind(of: header, path: path, allowsObjects: allowsObjects)
    let sections = handle.sections
    let sectionNames = try Self.sectionNames(handle, sections, bytes, path: path)
    self.path = path
    self.kind = kind
    self.abi = abi
    is64Bit = abi != .i386
    segments = handle.segments
    self.sections = sections
    self.sectionNames = sectionNames
    self.handle = handle
    self.bytes = bytes
  }

  /// Where in the file the instruction at `address` lies: what a uprobe is set by. Nil outside of the executable
  /// segments' bytes.
  package func fileOffset(ofAddress address: UInt64) -> UInt64? {
    for segment in segments where segment.isLoaded && segment.isExecutable {
      if let offset = segment.fileOffset(ofAddress: address), offset < bytes.size { return offset }
    }
    return nil
  }

  /// The first section of that name.
  package func section(named name: StaticString) -> ELFSection? {
    sections.first { sectionNames.equals(name, at: $0.nameOffset) }
  }

  /// The first section of that type (`SHT_…`) whose bytes are in the file.
  func section(ofType type: Int32) -> ELFSection? { sections.first { $0.type == UInt32(bitPattern: type) } }

  /// The section that others refer to by its number.
  package func section(at index: Int) -> ELFSection? {
    // Only libelf's leaving out of a section would make the two numberings differ.
    guard sections.indices.contains(index - 1), sections[index - 1].index == index else {
      return sections.first { $0.index == index }
    }
    return sections[index - 1]
  }

  /// A section's bytes, decompressed if need be; empty if the file holds none. Throws if there are more than `limit`.
  package func data(of section: ELFSection, limit: UInt64 = sectionLimit) throws(ImageError) -> SectionBytes {
    guard section.hasBytes else { return SectionBytes() }
    guard section.size <= limit else {
      throw .unsupported(path: path, reason: "a section of it has \(section.size) bytes")
    }
    guard section.fileOffset <= bytes.size, section.size <= bytes.size - section.fileOffset else {
      throw .truncated(path: path, part: "section \(name(of: section))")
    }
    if section.isCompressed {
      guard let found = handle.decompressed(section: section.index, limit: limit) else {
        throw .unsupported(path: path, reason: "its section \(name(of: section)) does not decompress")
      }
      return SectionBytes(found)
    }
    guard let found = bytes.read(at: section.fileOffset, count: section.size) else {
      throw .truncated(path: path, part: "section \(name(of: section))")
    }
    return SectionBytes(found)
  }

  /// A section's name; its number if it has none.
  package func name(of section: ELFSection) -> String {
    sectionNames.string(at: section.nameOffset) ?? "\(section.index)"
  }

  private static func kind(of header: GElf_Ehdr, path: String, allowsObjects: Bool) throws(ImageError) -> Kind {
    switch Int32(header.e_type) {
    case ET_EXEC: return .fixed
    case ET_DYN: return .relocatable
    case ET_REL where allowsObjects: return .relocatable
    default: throw .unsupported(path: path, reason: "it is neither a program nor a shared library")
    }
  }

  private static func sectionNames(
    _ handle: borrowing ELFHandle, _ sections: [ELFSection], _ bytes: borrowing ImageBytes, path: String
  ) throws(ImageError) -> SectionBytes {
    let index = handle.sectionNamesIndex
    guard let names = sections.first(where: { $0.index == index && $0.hasBytes }), names.size <= sectionLimit
    else { return SectionBytes() }
    guard let found = bytes.read(at: names.fileOffset, count: names.size) else {
      throw .truncated(path: path, part: "table of section names")
    }
    return SectionBytes(found)
  }

  private static func machine(of header: GElf_Ehdr, path: String, allowsForeign: Bool) throws(ImageError) -> SyscallABI
  {
    let machine = Int32(header.e_machine)
    // EI_CLASS and EI_DATA.
    let (wordClass, byteOrder) = (Int32(header.e_ident.4), Int32(header.e_ident.5))
    #if arch(arm64)
      let known = [EM_AARCH64]
    #else
      let known = [EM_X86_64, EM_386]
    #endif
    guard allowsForeign || known.contains(machine), byteOrder == ELFDATA2LSB, let abi = SyscallABI(machine: machine)
    else {
      throw .foreignMachine(path: path, machine: Int(machine))
    }
    guard (wordClass == ELFCLASS64) == (abi != .i386) else {
      throw .unsupported(path: path, reason: "it is made for an ABI of 32-bit pointers on a 64-bit machine")
    }
    return abi
  }

  /// Checks the counts that section 0 has where they exceed the header's 16 bits: a file that is mostly a hole has room for any,
  /// and libelf would allocate for that many sections.
  private static func checkExtendedCounts(_ bytes: borrowing ImageBytes, path: String) throws(ImageError) {
    guard let start = bytes.read(at: 0, count: min(64, bytes.size)).map({ SectionBytes($0) }) else { return }
    let is64Bit = start.bytes.count == 64 && start.bytes[4] == UInt8(ELFCLASS64)
    let (offset, programHeaders, sections) = (
      start.word(at: is64Bit ? 40 : 32, is64Bit: is64Bit), start.load(UInt16.self, at: is64Bit ? 56 : 44),
      start.load(UInt16.self, at: is64Bit ? 60 : 48)
    )
    // PN_XNUM is for core files.
    guard programHeaders != 0xFFFF else {
      throw .unsupported(path: path, reason: "it has more than 65,534 program headers")
    }
    guard sections == 0, let offset, offset != 0, offset < bytes.size,
      let first = bytes.read(at: offset, count: min(40, bytes.size - offset)),
      let count = SectionBytes(first).word(at: is64Bit ? 32 : 20, is64Bit: is64Bit)
    else { return }
    guard count <= sectionCountLimit else {
      throw .unsupported(path: path, reason: "it has \(count) sections")
    }
  }

  /// Checks that the header tables lie within the file. libelf leaves out quietly what lies beyond the end; an image without its
  /// segments or sections must not pass for one that has none.
  private static func checkHeaderTables(of header: GElf_Ehdr, size: UInt64, path: String) throws(ImageError) {
    func fits(_ offset: UInt64, _ count: UInt16, _ entry: UInt16) -> Bool {
      offset <= size && UInt64(count) * UInt64(entry) <= size - offset
    }
    // With more segments or sections than 16 bits count, the number is in section 0; libelf bounds that.
    guard fits(header.e_phoff, header.e_phnum, header.e_phentsize) else {
      throw .truncated(path: path, part: "table of program headers")
    }
    guard header.e_shoff == 0 || fits(header.e_shoff, max(header.e_shnum, 1), header.e_shentsize) else {
      throw .truncated(path: path, part: "table of section headers")
    }
  }
}
