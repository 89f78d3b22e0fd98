internal import CElfUtils
internal import Glibc
internal import TraceModel

/// What libdw gets to see of an image.
///
/// libdw reads all sections that it knows when it is opened. What locates variables, describes macros and indexes names is a
/// third of them and tells nothing of stacks; what names other files (.gnu_debugaltlink) would make libdw open paths that
/// the image's author chose. All are hidden from it but those that tell of functions and lines, the first of each name.
struct DebugSections {
  private static let names: Set<String> = [
    "info", "abbrev", "line", "str", "line_str", "str_offsets", "addr", "ranges", "rnglists", "aranges",
  ]
  /// The most bytes of .debug_aranges that libdw may see. libdw makes a table of all of it when it is first asked; without, the
  /// units are asked.
  private static let arangesLimit: UInt64 = 64 << 20
  /// The most bytes of all sections' names.
  private static let namesLimit: UInt64 = 16 << 20

  /// The number of bytes of the sections that libdw may see, unpacked.
  private(set) var size: UInt64 = 0
  private struct Section {
    var section: OpaquePointer
    /// Whether the section was named .zdebug_…, which means the older form of packing; `ZLIB` in any other is text.
    var isOfOldForm: Bool
  }

  private var sections: [String: Section] = [:]
  /// Whether a section was left out because its header makes no sense.
  private(set) var isDamaged = false

  /// Whether the image has functions and lines at all; a stripped one has not.
  static func hasUnits(_ image: borrowing ELFImage) -> Bool {
    let section = image.section(named: ".debug_info") ?? image.section(named: ".zdebug_info")
    return section?.hasBytes ?? false
  }

  /// Hides from libdw the sections of `handle` that it may not see; `handle` is of `bytes`. Nil if its sections have no names.
  init?(in handle: borrowing ELFHandle, of bytes: borrowing ImageBytes) {
    guard let names = handle.sectionNamesIndex, Self.isPlain(names, handle, bytes.size) else { return nil }
    var next = elf_nextscn(handle.elf, nil)
    while let section = next {
      var header = GElf_Shdr()
      if gelf_getshdr(section, &header) != nil, elf_ndxscn(section) != names {
        if !take(section, header, Self.name(header, handle, names), bytes) {
          // In libelf's copy of the header alone.
          header.sh_type = UInt32(SHT_NOBITS)
          gelf_update_shdr(section, &header)
        }
      }
      next = elf_nextscn(handle.elf, section)
    }
  }

  /// Whether libdw may see the section.
  private mutating func take(
    _ section: OpaquePointer, _ header: GElf_Shdr, _ name: (name: String, isOfOldForm: Bool)?,
    _ bytes: borrowing ImageBytes
  ) -> Bool {
    guard let (name, isOfOldForm) = name, sections[name] == nil else { return false }
    guard let size = Self.unpackedSize(section, header, isOfOldForm, bytes) else {
      isDamaged = isDamaged || header.sh_type == UInt32(SHT_PROGBITS)
      return false
    }
    guard name != "aranges" || size <= Self.arangesLimit else { return false }
    sections[name] = Section(section: section, isOfOldForm: isOfOldForm)
    self.size += size
    return true
  }

  /// Whether libdw, which unpacks all of them when it is opened, could not unpack one, or one of `names`.
  func isPacked(_ names: [String]? = nil) -> Bool {
    sections.contains { name, section in names?.contains(name) ?? true && Self.isPacked(section) }
  }

  private static func isPacked(_ section: Section) -> Bool {
    var header = GElf_Shdr()
    guard gelf_getshdr(section.section, &header) != nil else { return true }
    if header.sh_flags & UInt64(SHF_COMPRESSED) != 0 { return true }
    guard section.isOfOldForm, let data = elf_getdata(section.section, nil), let base = data.pointee.d_buf,
      data.pointee.d_size >= 5
    else { return false }
    // The size follows, whose first byte is 0. What is unpacked can begin with `ZLIB_VERSION`.
    return memcmp(base, "ZLIB\0", 5) == 0
  }

  /// The bytes of .debug_`name` as libdw has them, once it was opened; as long as the handle. None where it could not unpack them.
  func reader(_ name: String) -> ByteCursor {
    guard let section = sections[name], !Self.isPacked(section), let data = elf_getdata(section.section, nil),
      let base = data.pointee.d_buf
    else {
      return ByteCursor()
    }
    return ByteCursor(UnsafeRawBufferPointer(start: base, count: data.pointee.d_size))
  }

  /// Whether the table of names is not packed and not too large: libelf would unpack it, and read all of it.
  private static func isPlain(_ names: Int, _ handle: borrowing ELFHandle, _ fileSize: UInt64) -> Bool {
    var header = GElf_Shdr()
    guard let section = elf_getscn(handle.elf, names), gelf_getshdr(section, &header) != nil else { return false }
    return header.sh_flags & UInt64(SHF_COMPRESSED) == 0 && header.sh_size <= min(namesLimit, fileSize)
  }

  /// The section's name without `.debug_` or `.zdebug_`, and whether it was the latter; nil if it is none of those that libdw may
  /// see. The name is read by libelf, as libdw asks it.
  private static func name(
    _ header: GElf_Shdr, _ handle: borrowing ELFHandle, _ names: Int
  ) -> (name: String, isOfOldForm: Bool)? {
    guard let found = elf_strptr(handle.elf, names, Int(header.sh_name)) else { return nil }
    for prefix in [".debug_", ".zdebug_"] where strncmp(found, prefix, prefix.utf8.count) == 0 {
      let rest = found + prefix.utf8.count
      return Self.names.first { strcmp(rest, $0) == 0 }.map { ($0, prefix == ".zdebug_") }
    }
    return nil
  }

  /// The section's size after unpacking, bytes; nil if the section is damaged.
  private static func unpackedSize(
    _ section: OpaquePointer, _ header: GElf_Shdr, _ isOfOldForm: Bool, _ bytes: borrowing ImageBytes
  ) -> UInt64? {
    guard header.sh_type == UInt32(SHT_PROGBITS), header.sh_offset <= bytes.size,
      header.sh_size <= bytes.size - header.sh_offset
    else { return nil }
    if header.sh_flags & UInt64(SHF_COMPRESSED) != 0 {
      var compression = GElf_Chdr()
      return gelf_getchdr(section, &compression) == nil ? nil : compression.ch_size
    }
    // The older form: `ZLIB` and the size in eight bytes, the most significant first.
    guard isOfOldForm, let start = bytes.read(at: header.sh_offset, count: min(12, header.sh_size)),
      start.starts(with: "ZLIB".utf8)
    else { return header.sh_size }
    return max(header.sh_size, start[4...].reduce(0) { $0 << 8 | UInt64($1) })
  }
}
