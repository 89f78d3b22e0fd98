internal import TraceModel

/// A CIE: what the frame descriptions of one compiler run have in common (DWARF 5, 6.4.1; LSB 10.6.1 for `.eh_frame`).
struct CommonInformation {
  /// What `DW_CFA_advance_loc` counts in.
  let codeAlignment: UInt64
  /// What `DW_CFA_offset` counts in.
  let dataAlignment: Int64
  /// The column of the return address.
  let returnAddressRegister: UInt64
  /// Whether its code is the kernel's return from a signal (augmentation `S`): the frame's caller was interrupted and
  /// did not call.
  let isSignalFrame: Bool
  /// Whether the FDEs have augmentation data, whose length they give (augmentation `z`).
  let hasAugmentationData: Bool
  /// How the FDEs write addresses (augmentation `R`).
  let pointerEncoding: PointerEncoding
  /// Whether an absolute address has 64 bits.
  let is64Bit: Bool
  /// Where the initial instructions lie in the section.
  let instructions: Range<Int>

  /// Reads what follows the CIE's id. `cursor` ends with the entry.
  init(_ cursor: inout ByteCursor, in section: FrameSection) throws(CFIError) {
    let version = try cursor.read(UInt8.self)
    guard version == 1 || version == 3 || version == 4 else { throw .unsupported }
    let augmentation = try cursor.string()
    var is64Bit = section.is64Bit
    if version == 4 {
      let addressSize = try cursor.read(UInt8.self)
      let segmentSize = try cursor.read(UInt8.self)
      guard addressSize == 4 || addressSize == 8, segmentSize == 0 else { throw .unsupported }
      is64Bit = addressSize == 8
    }
    codeAlignment = try cursor.unsignedLEB()
    dataAlignment = try cursor.signedLEB()
    returnAddressRegister = version == 1 ? UInt64(try cursor.read(UInt8.self)) : try cursor.unsignedLEB()
    self.is64Bit = is64Bit
    hasAugmentationData = cursor.byte(at: augmentation.lowerBound) == UInt8(ascii: "z")
    // Without its length, unknown augmentation data hides where the instructions begin.
    guard hasAugmentationData || augmentation.isEmpty else { throw .unsupported }
    var encoding = PointerEncoding.absolute
    var isSignalFrame = false
    if hasAugmentationData {
      let data = try cursor.bytes(try cursor.unsignedLEB())
      var inner = try cursor.within(data)
      let bases = PointerEncoding.Bases(section: section.address, is64Bit: is64Bit)
      letters: for place in augmentation.dropFirst() {
        switch cursor.byte(at: place) {
        case UInt8(ascii: "R"): encoding = PointerEncoding(rawValue: try inner.read(UInt8.self))
        case UInt8(ascii: "L"): _ = try inner.read(UInt8.self)
        case UInt8(ascii: "P"):
          let personality = PointerEncoding(rawValue: try inner.read(UInt8.self))
          if personality != .omitted { _ = try personality.read(&inner, bases) }
        case UInt8(ascii: "S"): isSignalFrame = true
        // The key that signs return addresses, and memory tags, of arm64.
        case UInt8(ascii: "B"), UInt8(ascii: "G"): break
        // Its data cannot be skipped, but the instructions' place is known.
        default: break letters
        }
      }
    }
    pointerEncoding = encoding
    self.isSignalFrame = isSignalFrame
    instructions = cursor.offset..<max(cursor.offset, cursor.end)
  }
}
