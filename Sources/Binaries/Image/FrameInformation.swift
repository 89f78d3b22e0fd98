internal import CElfUtils
internal import TraceModel
internal import Unwinder

/// The call frame information of an image: `.eh_frame`, and `.debug_frame` for what that leaves out.
///
/// Sections are read when an address of the image is first asked for; `.debug_frame`, which may be in the separate debug
/// file, only for an address that `.eh_frame` does not describe.
struct FrameInformation {
  /// The most bytes of a section that is read: no program has so large a section, and a hostile file must not use up the memory.
  static let sectionLimit: UInt64 = 256 << 20

  private var ehFrame: FrameIndex?
  private var hasReadEHFrame = false
  private var debugFrame: FrameIndex?
  private var hasReadDebugFrame = false

  /// The number of the sections' entries that could not be read.
  var malformedEntries: Int { (ehFrame?.malformedEntries ?? 0) + (debugFrame?.malformedEntries ?? 0) }

  /// The row of `address` (before the image is moved), and the section in which its expressions lie; nil if nothing
  /// describes that code.
  mutating func row(
    for address: UInt64, in image: borrowing ELFImage, finder: DebugFileFinder, _ budget: inout FrameBudget
  ) throws(CFIError) -> DescribedRow? {
    readEHFrame(of: image, &budget)
    if let found = try ehFrame?.row(for: address, &budget) { return found }
    if !hasReadDebugFrame {
      hasReadDebugFrame = true
      debugFrame = Self.debugFrame(of: image, &budget)
      if debugFrame == nil, let file = finder.find(for: image) { debugFrame = Self.debugFrame(of: file, &budget) }
    }
    return try debugFrame?.row(for: address, &budget)
  }

  /// The code around `address` that one entry of `.eh_frame` describes: a function, or a part of one.
  mutating func code(
    containing address: UInt64, in image: borrowing ELFImage, _ budget: inout FrameBudget
  ) -> Range<UInt64>? {
    readEHFrame(of: image, &budget)
    return ehFrame?.code(containing: address)
  }

  private mutating func readEHFrame(of image: borrowing ELFImage, _ budget: inout FrameBudget) {
    guard !hasReadEHFrame else { return }
    hasReadEHFrame = true
    ehFrame = Self.ehFrame(of: image, &budget)
  }

  private static func ehFrame(of image: borrowing ELFImage, _ budget: inout FrameBudget) -> FrameIndex? {
    if let section = image.section(named: ".eh_frame"), section.hasBytes, section.size <= sectionLimit,
      budget.take(section.size), let data = try? image.data(of: section, limit: section.size)
    {
      let frames = FrameSection(kind: .ehFrame, data: data, address: section.address, is64Bit: image.is64Bit)
      guard let header = image.section(named: ".eh_frame_hdr"), header.size <= sectionLimit,
        budget.take(header.size), let bytes = try? image.data(of: header, limit: header.size),
        let found = EHFrameHeader(bytes, address: header.address, is64Bit: image.is64Bit),
        found.frames == section.address,
        let index = FrameIndex(of: frames, header: bytes, at: header.address)
      else { return FrameIndex(scanning: frames) }
      return index
    }
    return ehFrameOfSegments(image, &budget)
  }

  /// Finds `.eh_frame` by the program header that the run-time unwinder goes by: section headers may be cut off.
  private static func ehFrameOfSegments(_ image: borrowing ELFImage, _ budget: inout FrameBudget) -> FrameIndex? {
    // PT_GNU_EH_FRAME
    guard let segment = image.segments.first(where: { $0.type == 0x6474_E550 }), segment.fileSize <= sectionLimit,
      budget.take(segment.fileSize), let bytes = image.bytes.read(at: segment.fileOffset, count: segment.fileSize)
    else { return nil }
    let header = SectionBytes(bytes)
    guard let found = EHFrameHeader(header, address: segment.address, is64Bit: image.is64Bit),
      let loaded = image.segments.first(where: { $0.isLoaded && $0.fileOffset(ofAddress: found.frames) != nil }),
      let offset = loaded.fileOffset(ofAddress: found.frames)
    else { return nil }
    // How long it is, is not said: it ends with a terminator, or with the segment.
    let rest = min(loaded.fileSize - (found.frames - loaded.address), sectionLimit)
    guard offset <= image.bytes.size else { return nil }
    let count = min(rest, image.bytes.size - offset)
    guard budget.take(count), let data = image.bytes.read(at: offset, count: count) else { return nil }
    let frames = FrameSection(
      kind: .ehFrame, data: SectionBytes(data), address: found.frames, is64Bit: image.is64Bit)
    return FrameIndex(of: frames, header: header, at: segment.address) ?? FrameIndex(scanning: frames)
  }

  private static func debugFrame(of image: borrowing ELFImage, _ budget: inout FrameBudget) -> FrameIndex? {
    // Go's compiler compresses it.
    guard let section = image.section(named: ".debug_frame"), section.hasBytes, section.size <= sectionLimit,
      let data = try? image.data(of: section, limit: min(sectionLimit, budget.bytes)),
      budget.take(UInt64(data.count))
    else { return nil }
    return FrameIndex(
      scanning: FrameSection(kind: .debugFrame, data: data, address: section.address, is64Bit: image.is64Bit))
  }
}
