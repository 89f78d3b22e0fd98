package import TraceModel

/// An FDE: how to unwind from one piece of code.
struct FrameDescription {
  let common: CommonInformation
  /// The addresses of the FDE's code, before the image is moved; never empty.
  let code: Range<UInt64>
  /// Where the FDE's instructions lie in the section.
  let instructions: Range<Int>
}

/// `.eh_frame` or `.debug_frame`: a list of CIEs and FDEs.
package struct FrameSection: Sendable {
  package enum Kind: Sendable {
    /// `.eh_frame`, which is mapped with the program, its addresses encoded; FDEs point back to their CIE.
    case ehFrame
    /// `.debug_frame`, DWARF's own, for debuggers; FDEs give their CIE's place in the section.
    case debugFrame
  }

  enum Entry {
    case common
    case description(FrameDescription)
    /// The end of `.eh_frame`, which a length of 0 says.
    case terminator
  }

  package let kind: Kind
  package let data: SectionBytes
  /// Where the section is mapped, before the image is moved.
  package let address: UInt64
  package let is64Bit: Bool

  /// Takes a section's bytes. `address`: where the section is mapped, before the image is moved.
  package init(kind: Kind, data: SectionBytes, address: UInt64, is64Bit: Bool) {
    (self.kind, self.data, self.address, self.is64Bit) = (kind, data, address, is64Bit)
  }

  /// Reads an entry behind its length. `isLong`: that has 64 bits.
  private static func body(_ cursor: inout ByteCursor) throws(CFIError) -> (cursor: ByteCursor, isLong: Bool)? {
    var length = UInt64(try cursor.read(UInt32.self))
    let isLong = length == 0xFFFF_FFFF
    if isLong { length = try cursor.read(UInt64.self) }
    guard length != 0 else { return nil }
    return (try cursor.within(try cursor.bytes(length)), isLong)
  }

  /// Reads the entry at `offset` and says where the next one is.
  func entry(at offset: Int) throws(CFIError) -> (entry: Entry, next: Int) {
    try data.read(from: offset) { cursor throws(CFIError) in
      guard let body = try Self.body(&cursor) else { return (.terminator, offset + 4) }
      var entry = body.cursor
      guard let common = try commonOffset(&entry, isLong: body.isLong) else { return (.common, entry.end) }
      return (.description(try description(&entry, common: common)), entry.end)
    }
  }

  /// Where the entry behind that at `offset` is, whatever it holds.
  func end(ofEntryAt offset: Int) throws(CFIError) -> Int {
    try data.read(from: offset) { cursor throws(CFIError) in try Self.body(&cursor)?.cursor.end ?? offset + 4 }
  }

  /// The FDE at `offset`.
  func description(at offset: Int) throws(CFIError) -> FrameDescription {
    guard case .description(let found) = try entry(at: offset).entry else { throw .malformed }
    return found
  }

  /// Where the entry's CIE lies; nil if it is one itself.
  private func commonOffset(_ cursor: inout ByteCursor, isLong: Bool) throws(CFIError) -> Int? {
    let start = cursor.offset
    switch kind {
    case .ehFrame:
      // 4 bytes also in an entry with a 64-bit length.
      let back = try cursor.read(UInt32.self)
      guard back != 0 else { return nil }
      guard back <= start else { throw .malformed }
      return start - Int(back)
    case .debugFrame:
      let place = isLong ? try cursor.read(UInt64.self) : UInt64(try cursor.read(UInt32.self))
      guard place != (isLong ? UInt64.max : 0xFFFF_FFFF) else { return nil }
      guard let place = Int(exactly: place) else { throw .malformed }
      return place
    }
  }

  private func common(at offset: Int) throws(CFIError) -> CommonInformation {
    try data.read(from: offset) { cursor throws(CFIError) in
      guard let body = try Self.body(&cursor) else { throw .malformed }
      var entry = body.cursor
      guard try commonOffset(&entry, isLong: body.isLong) == nil else { throw .malformed }
      return try CommonInformation(&entry, in: self)
    }
  }

  private func description(_ cursor: inout ByteCursor, common offset: Int) throws(CFIError) -> FrameDescription {
    let common = try common(at: offset)
    let bases = PointerEncoding.Bases(section: address, is64Bit: common.is64Bit)
    guard !common.pointerEncoding.isIndirect else { throw .unsupported }
    let start = try common.pointerEncoding.read(&cursor, bases)
    let length = try common.pointerEncoding.format.read(&cursor, bases)
    // With DW_EH_PE_aligned, or a relocation against discarded code, the length may be anything.
    let (end, overflow) = start.addingReportingOverflow(length)
    guard !overflow, length > 0 else { throw .malformed }
    if common.hasAugmentationData { _ = try cursor.bytes(try cursor.unsignedLEB()) }
    return FrameDescription(common: common, code: start..<end, instructions: cursor.offset..<cursor.end)
  }
}
