internal import CElfUtils
internal import Glibc
internal import TraceModel

/// What an image asks of the dynamic loader.
package struct DynamicSection: Sendable, Equatable {
  /// DT_NEEDED: names of libraries, or paths, in the order of loading.
  package var needed: [String] = []
  /// DT_RPATH: directories, ignored by the loader if there is a DT_RUNPATH.
  package var rpath: [String] = []
  /// DT_RUNPATH: directories for the libraries that this image itself needs.
  package var runpath: [String]?
  /// DT_SONAME: what other images' DT_NEEDED call it.
  package var soname: String?
}

extension ELFImage {
  /// The most bytes of a dynamic section that are read. Programs have some dozen entries, and names of some kilobytes.
  private static let dynamicLimit: UInt64 = 1 << 20
  private static let dynamicStringsLimit: UInt64 = 1 << 28

  /// The dynamic loader that the kernel starts for this program; nil for a static one and for a library.
  package var interpreter: String? {
    guard let segment = segments.first(where: { $0.type == UInt32(PT_INTERP) }), segment.fileSize <= 4096,
      let bytes = bytes.read(at: segment.fileOffset, count: segment.fileSize)
    else { return nil }
    return SectionBytes(bytes).string(at: 0)
  }

  /// The image's dynamic section, read through the program headers as the loader does, hence without any section; empty for a
  /// static program.
  package var dynamic: DynamicSection {
    get throws(ImageError) {
      guard let segment = segments.first(where: { $0.type == UInt32(PT_DYNAMIC) }) else { return DynamicSection() }
      guard segment.fileSize <= Self.dynamicLimit,
        let bytes = bytes.read(at: segment.fileOffset, count: segment.fileSize)
      else { throw .truncated(path: path, part: "dynamic section") }
      let entries = dynamicEntries(in: SectionBytes(bytes))
      guard let strings = dynamicStrings(of: entries) else {
        throw .truncated(path: path, part: "dynamic section's strings")
      }
      return DynamicSection(entries, strings: strings)
    }
  }

  private func dynamicEntries(in data: SectionBytes) -> [(tag: UInt64, value: UInt64)] {
    let word = is64Bit ? 8 : 4
    var entries: [(tag: UInt64, value: UInt64)] = []
    for offset in stride(from: 0, to: data.count, by: 2 * word) {
      guard let tag = data.word(at: offset, is64Bit: is64Bit),
        let value = data.word(at: offset + word, is64Bit: is64Bit), tag != UInt64(DT_NULL)
      else { break }
      entries.append((tag, value))
    }
    return entries
  }

  private func dynamicStrings(of entries: [(tag: UInt64, value: UInt64)]) -> SectionBytes? {
    guard let address = entries.first(where: { $0.tag == UInt64(DT_STRTAB) })?.value,
      let size = entries.first(where: { $0.tag == UInt64(DT_STRSZ) })?.value
    else { return SectionBytes() }
    for segment in segments where segment.isLoaded {
      if let offset = segment.fileOffset(ofAddress: address) {
        return size <= Self.dynamicStringsLimit ? bytes.read(at: offset, count: size).map { SectionBytes($0) } : nil
      }
    }
    return nil
  }
}

extension DynamicSection {
  fileprivate init(_ entries: [(tag: UInt64, value: UInt64)], strings: SectionBytes) {
    for entry in entries {
      guard let text = Int(exactly: entry.value).flatMap({ strings.string(at: $0) }) else { continue }
      let directories = text.split(separator: ":").map(String.init)
      switch entry.tag {
      case UInt64(DT_NEEDED): needed.append(text)
      case UInt64(DT_RPATH): rpath += directories
      case UInt64(DT_RUNPATH): runpath = directories
      case UInt64(DT_SONAME): soname = text
      default: break
      }
    }
  }
}
