internal import CElfUtils
internal import Glibc
internal import TraceModel

/// One entry of a note section or segment: an owner's name, a type that the owner defines, and what it describes.
struct ELFNote {
  let name: ArraySlice<UInt8>
  let type: UInt32
  /// Where in the section's bytes the description lies.
  let description: Range<Int>
}

/// The entries of a note section or segment, each aligned to 4 bytes (to 8 only in .note.gnu.property, which is not
/// read).
struct ELFNotes: Sequence, IteratorProtocol {
  let data: SectionBytes
  private var offset = 0

  init(_ data: SectionBytes) { self.data = data }

  mutating func next() -> ELFNote? {
    guard let nameSize = data.load(UInt32.self, at: offset), let size = data.load(UInt32.self, at: offset + 4),
      let type = data.load(UInt32.self, at: offset + 8)
    else { return nil }
    let name = offset + 12
    let description = name + Self.padded(nameSize)
    // At least the three words of the header lie behind `offset` next time: the walk ends.
    guard description + Int(size) <= data.count else { return nil }
    offset = description + Self.padded(size)
    // The size counts the name's NUL.
    let nameEnd = name + Swift.max(0, Int(nameSize) - 1)
    return ELFNote(
      name: data.bytes[name..<nameEnd], type: type, description: description..<description + Int(size))
  }

  private static func padded(_ size: UInt32) -> Int { (Int(size) + 3) & ~3 }
}

/// What .gnu_debuglink says of the separate debug file.
package struct DebugLink: Sendable, Equatable {
  /// A file name without a directory.
  package let name: String
  /// CRC-32 of all of the debug file's bytes.
  package let checksum: UInt32
}

/// What .gnu_debugaltlink says of the file with what several images have in common.
struct AlternateLink: Equatable {
  /// The path of the common file: absolute, or as seen from the image's directory.
  let path: String
  let buildID: [UInt8]
}

extension ELFImage {
  /// The most bytes of a section or segment of notes that are read. Notes of a program hold some hundred bytes.
  private static let noteLimit: UInt64 = 1 << 20
  /// The most sections, or segments, of notes that are read; a program has three or four.
  private static let noteCountLimit = 64

  /// The build-id, which the linker derived from the contents; the same in the separate debug file. Nil without one.
  package var buildID: [UInt8]? {
    // Sections first: a debug file keeps the program headers of the image, whose offsets are not its own.
    let sections = sections.lazy.filter { $0.type == UInt32(SHT_NOTE) && $0.size <= Self.noteLimit }
    for section in sections.prefix(Self.noteCountLimit) {
      if let data = try? data(of: section), let found = Self.buildID(in: data) { return found }
    }
    let segments = segments.lazy.filter { $0.type == UInt32(PT_NOTE) && $0.fileSize <= Self.noteLimit }
    for segment in segments.prefix(Self.noteCountLimit) {
      if let bytes = bytes.read(at: segment.fileOffset, count: segment.fileSize),
        let found = Self.buildID(in: SectionBytes(bytes))
      {
        return found
      }
    }
    return nil
  }

  private static func buildID(in data: SectionBytes) -> [UInt8]? {
    for note in ELFNotes(data) where note.type == UInt32(NT_GNU_BUILD_ID) && note.name.elementsEqual("GNU".utf8) {
      return note.description.isEmpty ? nil : Array(data.bytes[note.description])
    }
    return nil
  }

  /// The separate debug file that `objcopy --add-gnu-debuglink` recorded; nil without one.
  package var debugLink: DebugLink? {
    guard let section = section(named: ".gnu_debuglink"), section.size <= Self.noteLimit,
      let data = try? data(of: section), let name = data.stringBytes(at: 0), !name.isEmpty,
      let checksum = data.load(UInt32.self, at: (name.count + 4) & ~3)
    else { return nil }
    let text = String(decoding: name, as: UTF8.self)
    // A path would lead out of the directories that are searched.
    guard !text.contains("/"), text != ".", text != ".." else { return nil }
    return DebugLink(name: text, checksum: checksum)
  }

  /// The common file that dwz moved shared debug information to, in .gnu_debugaltlink; nil without one.
  var alternateLink: AlternateLink? {
    guard let section = section(named: ".gnu_debugaltlink"), section.size <= Self.noteLimit,
      let data = try? data(of: section), let path = data.stringBytes(at: 0), !path.isEmpty,
      path.count + 1 < data.count
    else { return nil }
    return AlternateLink(
      path: String(decoding: path, as: UTF8.self), buildID: Array(data.bytes[(path.count + 1)...]))
  }
}
