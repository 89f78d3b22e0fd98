internal import CElfUtils
internal import Glibc
internal import TraceModel

/// What a look at an image's code needs, besides its symbols.
extension ELFImage {
  /// The bytes that are loaded at `address`, before the image is moved: at most `count`, fewer where the segment ends there. nil
  /// where the image has none.
  package func loadedBytes(at address: UInt64, count: Int) -> [UInt8]? {
    for segment in segments where segment.isLoaded {
      guard let offset = segment.fileOffset(ofAddress: address), offset < bytes.size else { continue }
      let rest = min(segment.fileSize - (address - segment.address), bytes.size - offset, UInt64(max(count, 0)))
      return bytes.read(at: offset, count: rest)
    }
    return nil
  }

  /// Addresses of code whose bytes the file has, in the order of the program headers.
  package var codeRanges: [Range<UInt64>] {
    segments.compactMap { segment in
      guard segment.isLoaded, segment.isExecutable, segment.fileOffset < bytes.size else { return nil }
      let size = min(segment.fileSize, bytes.size - segment.fileOffset)
      let (end, overflow) = segment.address.addingReportingOverflow(size)
      return overflow ? nil : segment.address..<end
    }
  }

  /// The number of bytes of all code; nil where segments overlap so often that the sum does not fit.
  package var codeSize: UInt64? {
    var sum: UInt64 = 0
    for range in codeRanges {
      let (next, overflow) = sum.addingReportingOverflow(range.upperBound - range.lowerBound)
      if overflow { return nil }
      sum = next
    }
    return sum
  }

  /// Where the stretch of code that `address` is in ends: a section, or a segment where there are no sections.
  func codeEnd(after address: UInt64) -> UInt64? {
    for section in sections where section.isExecutable && section.address <= address {
      let (end, overflow) = section.address.addingReportingOverflow(section.size)
      if !overflow, address < end { return end }
    }
    return codeRanges.first { $0.contains(address) }?.upperBound
  }

  /// The first of `names` that the image takes from another one, by its dynamic symbols; nil if it takes none of them.
  package func firstImport(of names: Set<String>) -> String? {
    guard let section = section(ofType: SHT_DYNSYM), section.hasBytes, let strings = self.section(at: section.link),
      let symbols = try? data(of: section), let text = try? data(of: strings)
    else { return nil }
    let size = is64Bit ? MemoryLayout<Elf64_Sym>.size : MemoryLayout<Elf32_Sym>.size
    for offset in stride(from: 0, to: symbols.count - size + 1, by: size) {
      // st_name is the first member of both; st_shndx the fourth of 64 bits, the last of 32.
      guard symbols.load(UInt16.self, at: offset + (is64Bit ? 6 : 14)) == UInt16(SHN_UNDEF),
        let start = symbols.load(UInt32.self, at: offset).map({ Int($0) }), start < text.count
      else { continue }
      // No longer than the names can be: in a hostile image all of them may share one long string.
      let name = text.bytes[start..<min(start + 64, text.count)].prefix { $0 != 0 }
      let imported = String(decoding: name, as: UTF8.self)
      if names.contains(imported) { return imported }
    }
    return nil
  }
}
