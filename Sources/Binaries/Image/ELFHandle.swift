internal import CElfUtils
internal import Glibc

/// libelf's handle of an image. It reads by `pread` (`ELF_C_READ`), and is to go before the bytes that it was made of.
struct ELFHandle: ~Copyable {
  let elf: OpaquePointer

  /// Opens the image by libelf; nil if libelf does not take the bytes for ELF.
  init?(of bytes: borrowing ImageBytes) {
    guard elf_version(UInt32(EV_CURRENT)) != UInt32(EV_NONE) else { return nil }
    let elf =
      switch bytes.storage {
      case .file(let file): elf_begin(file.descriptor, ELF_C_READ, nil)
      case .memory(let memory):
        elf_memory(memory.baseAddress?.assumingMemoryBound(to: CChar.self), memory.count)
      }
    guard let elf, elf_kind(elf) == ELF_K_ELF else {
      elf_end(elf)
      return nil
    }
    self.elf = elf
  }

  deinit { elf_end(elf) }

  var header: GElf_Ehdr? {
    var header = GElf_Ehdr()
    return gelf_getehdr(elf, &header) == nil ? nil : header
  }

  var segments: [ELFSegment] {
    var count = 0
    guard elf_getphdrnum(elf, &count) == 0 else { return [] }
    return (0..<Int32(clamping: count)).compactMap { index in
      var header = GElf_Phdr()
      return gelf_getphdr(elf, index, &header) == nil ? nil : ELFSegment(header)
    }
  }

  var sections: [ELFSection] {
    var sections: [ELFSection] = []
    // `elf_nextscn` because `elf_getscn` by index walks a list; section 0 has nothing to say.
    var next = elf_nextscn(elf, nil)
    while let section = next {
      var header = GElf_Shdr()
      if gelf_getshdr(section, &header) != nil {
        sections.append(ELFSection(header, index: elf_ndxscn(section)))
      }
      next = elf_nextscn(elf, section)
    }
    return sections
  }

  /// The number of the section with the sections' names; also where that exceeds the header's 16 bits.
  var sectionNamesIndex: Int? {
    var index = 0
    return elf_getshdrstrndx(elf, &index) == 0 ? index : nil
  }

  /// What an SHF_COMPRESSED section unpacks to; nil if that is damaged or larger than `limit` bytes.
  func decompressed(section index: Int, limit: UInt64) -> [UInt8]? {
    guard let section = elf_getscn(elf, index) else { return nil }
    var header = GElf_Shdr()
    guard gelf_getshdr(section, &header) != nil else { return nil }
    // Once unpacked, libelf's section stays so.
    if header.sh_flags & UInt64(SHF_COMPRESSED) != 0 {
      var compression = GElf_Chdr()
      guard gelf_getchdr(section, &compression) != nil, compression.ch_size <= limit,
        elf_compress(section, 0, 0) >= 0
      else { return nil }
    }
    guard let data = elf_getdata(section, nil), data.pointee.d_size <= limit else { return nil }
    guard let base = data.pointee.d_buf else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: base, count: data.pointee.d_size))
  }
}
