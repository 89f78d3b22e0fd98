internal import CElfUtils
internal import Glibc

/// A program header: what the kernel or the dynamic loader maps or reads.
package struct ELFSegment: Sendable, Equatable {
  /// The segment's type, `PT_…`.
  package let type: UInt32
  /// The segment's flags, `PF_…`.
  package let flags: UInt32
  /// Where the segment's bytes lie in the file.
  package let fileOffset: UInt64
  /// Where the segment is mapped, before the image is moved.
  package let address: UInt64
  /// The segment's size in the file, bytes.
  package let fileSize: UInt64
  /// The segment's size in memory, bytes; at least `fileSize`.
  package let memorySize: UInt64

  /// Whether the segment is mapped when the program starts (PT_LOAD).
  package var isLoaded: Bool { type == UInt32(PT_LOAD) }
  /// Whether the segment is executable (PF_X).
  package var isExecutable: Bool { flags & UInt32(PF_X) != 0 }
  /// Whether the segment is writable (PF_W).
  package var isWritable: Bool { flags & UInt32(PF_W) != 0 }

  /// The pages of the file that are mapped for the segment.
  var pages: Range<UInt64> {
    let start = fileOffset & ~0xFFF
    return start..<max(start, (fileOffset &+ fileSize &+ 0xFFF) & ~0xFFF)
  }

  /// Where in the file the byte at `address` lies; nil beyond the bytes that are in the file.
  package func fileOffset(ofAddress address: UInt64) -> UInt64? {
    guard address >= self.address, address - self.address < fileSize else { return nil }
    let (offset, overflow) = fileOffset.addingReportingOverflow(address - self.address)
    return overflow ? nil : offset
  }

  init(_ header: GElf_Phdr) {
    type = header.p_type
    flags = header.p_flags
    fileOffset = header.p_offset
    address = header.p_vaddr
    fileSize = header.p_filesz
    memorySize = header.p_memsz
  }
}

/// A section header: what linkers and debuggers go by. A running program needs none.
package struct ELFSection: Sendable, Equatable {
  /// The section's number, which symbols and other sections refer to.
  package let index: Int
  /// The section's type, `SHT_…`.
  package let type: UInt32
  /// The section's flags, `SHF_…`.
  package let flags: UInt64
  /// The section's address, before the image is moved; 0 if the section is not loaded.
  package let address: UInt64
  /// Where the section's bytes lie in the file.
  package let fileOffset: UInt64
  /// The section's size, bytes; that of an SHT_NOBITS section is its size in memory alone.
  package let size: UInt64
  /// The number of a related section: for a symbol table, that of its strings.
  package let link: Int
  let nameOffset: Int

  /// Whether the section is code (SHF_EXECINSTR).
  package var isExecutable: Bool { flags & UInt64(SHF_EXECINSTR) != 0 }
  /// Whether the section is compressed (SHF_COMPRESSED).
  package var isCompressed: Bool { flags & UInt64(SHF_COMPRESSED) != 0 }
  /// Whether the file holds the section's bytes; a separate debug file lacks those of code and data.
  package var hasBytes: Bool { type != UInt32(SHT_NOBITS) && type != UInt32(SHT_NULL) }

  init(_ header: GElf_Shdr, index: Int) {
    self.index = index
    type = header.sh_type
    flags = header.sh_flags
    address = header.sh_addr
    fileOffset = header.sh_offset
    size = header.sh_size
    link = Int(header.sh_link)
    nameOffset = Int(header.sh_name)
  }
}
