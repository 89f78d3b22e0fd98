/// Call frame instructions by their names in DWARF 5, 6.4.2.
public enum CFA {
  public static func define(_ register: UInt8, _ offset: UInt8) -> [UInt8] { [0x0C, register, offset] }
  public static func defineOffset(_ offset: UInt8) -> [UInt8] { [0x0E, offset] }
  public static func defineRegister(_ register: UInt8) -> [UInt8] { [0x0D, register] }
  public static func defineExpression(_ bytes: [UInt8]) -> [UInt8] { [0x0F, UInt8(bytes.count)] + bytes }
  public static func advance(_ bytes: UInt8) -> [UInt8] { [0x40 | bytes] }
  /// `words` of 8 bytes below the CFA, with the data alignment -8.
  public static func offset(_ register: UInt8, _ words: UInt8) -> [UInt8] { [0x80 | register, words] }
  public static func restore(_ register: UInt8) -> [UInt8] { [0xC0 | register] }
  public static func undefined(_ register: UInt8) -> [UInt8] { [0x07, register] }
  public static let remember: [UInt8] = [0x0A]
  public static let restoreState: [UInt8] = [0x0B]
  public static func expression(_ register: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [0x10, register, UInt8(bytes.count)] + bytes
  }
  public static func valueExpression(_ register: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [0x16, register, UInt8(bytes.count)] + bytes
  }
}

/// Little-endian numbers in a row.
public struct FileBytes: Sendable {
  public var bytes: [UInt8] = []

  public init() {}

  public mutating func add<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  public mutating func pad(to count: Int) { bytes += [UInt8](repeating: 0, count: max(0, count - bytes.count)) }

  /// The header of an ELF file for this machine; program headers follow it. `sections`: how many section headers there are, where,
  /// and which has the names.
  public mutating func addELFHeader(
    segments: UInt16, sections: (count: UInt16, offset: UInt64, names: UInt16) = (0, 0, 0)
  ) {
    #if arch(arm64)
      let machine: UInt16 = 183
    #else
      let machine: UInt16 = 62
    #endif
    bytes += [0x7F] + Array("ELF".utf8) + [2, 1, 1, 0] + [UInt8](repeating: 0, count: 8)
    for half in [3, machine] { add(half) }
    add(UInt32(1))
    for word in [0, 64, sections.offset] as [UInt64] { add(word) }
    add(UInt32(0))
    for half in [64, 56, segments, 64, sections.count, sections.names] { add(half) }
  }

  /// PT_LOAD.
  public mutating func addSegment(flags: UInt32, offset: UInt64, address: UInt64, size: UInt64) {
    for word in [1, flags] { add(word) }
    for word in [offset, address, address, size, size, 0x1000] { add(word) }
  }
}

/// A program that exists as bytes alone: an ELF image of code and of the call frame information that is said of it.
public struct SyntheticProgram: Sendable {
  public struct Description: Sendable {
    public var code: Range<UInt64>
    public var instructions: [UInt8]
    var isSignalFrame = false
  }

  public init() {}

  /// The initial instructions of all frame descriptions.
  public var initial = CFA.define(7, 8) + CFA.offset(16, 1)
  public var returnColumn: UInt8 = 16
  public var descriptions: [Description] = []
  /// By address; the image is not moved, and addresses are file offsets.
  public var code: [Int: [UInt8]] = [:]
  /// Bytes of it all.
  public static let size = 0x4000
  private static let frames = 0x2000

  public mutating func describe(_ code: Range<UInt64>, _ instructions: [UInt8] = [], isSignalFrame: Bool = false) {
    descriptions.append(Description(code: code, instructions: instructions, isSignalFrame: isSignalFrame))
  }

  /// What `.eh_frame` holds.
  public var frameBytes: [UInt8] {
    var writer = FileBytes()
    for description in descriptions {
      let common = writer.bytes.count
      entry(&writer) {
        $0.add(UInt32(0))
        // Version 1; code alignment 1, data alignment -8; augmentation data: the encoding DW_EH_PE_udata8.
        $0.bytes += [1] + Array(description.isSignalFrame ? "zRS".utf8 : "zR".utf8) + [0, 1, 0x78, returnColumn, 1, 4]
        $0.bytes += initial
      }
      entry(&writer) {
        $0.add(UInt32($0.bytes.count - common))
        $0.add(description.code.lowerBound)
        $0.add(UInt64(description.code.count))
        $0.bytes += [0] + description.instructions
      }
    }
    writer.add(UInt32(0))
    return writer.bytes
  }

  private func entry(_ writer: inout FileBytes, _ body: (inout FileBytes) -> Void) {
    let start = writer.bytes.count
    writer.add(UInt32(0))
    body(&writer)
    let length = UInt32(writer.bytes.count - start - 4)
    withUnsafeBytes(of: length) { writer.bytes.replaceSubrange(start..<start + 4, with: $0) }
  }

  /// An ELF file for this machine, whatever the registers' numbers mean.
  public var image: [UInt8] {
    let names = Array("\0.eh_frame\0.shstrtab\0".utf8)
    let frames = frameBytes
    var writer = FileBytes()
    writer.addELFHeader(segments: 1, sections: (count: 3, offset: UInt64(Self.size), names: 2))
    // Readable and executable.
    writer.addSegment(flags: 5, offset: 0, address: 0, size: UInt64(Self.size))
    writer.pad(to: Self.size)
    for (address, bytes) in code { writer.bytes.replaceSubrange(address..<address + bytes.count, with: bytes) }
    writer.bytes.replaceSubrange(Self.frames..<Self.frames + frames.count, with: frames)
    let strings = Self.frames + frames.count
    writer.bytes.replaceSubrange(strings..<strings + names.count, with: names)
    precondition(writer.bytes.count == Self.size)
    section(&writer, name: 0, type: 0, at: 0, count: 0)
    section(&writer, name: 1, type: 1, at: Self.frames, count: frames.count)
    section(&writer, name: 11, type: 3, at: strings, count: names.count)
    return writer.bytes
  }

  private func section(_ writer: inout FileBytes, name: UInt32, type: UInt32, at offset: Int, count: Int) {
    writer.add(name)
    writer.add(type)
    for word in [2, UInt64(offset), UInt64(offset), UInt64(count)] { writer.add(word) }
    for word in [0, 0] as [UInt32] { writer.add(word) }
    for word in [8, 0] as [UInt64] { writer.add(word) }
  }
}
