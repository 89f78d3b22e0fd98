import TraceModel

@testable import Unwinder

/// Call frame instructions by their names in DWARF 5, 6.4.2.
enum CFA {
  static func define(_ register: UInt8, _ offset: UInt8) -> [UInt8] { [0x0C, register, offset] }
  static func defineOffset(_ offset: UInt8) -> [UInt8] { [0x0E, offset] }
  static func defineRegister(_ register: UInt8) -> [UInt8] { [0x0D, register] }
  static func defineExpression(_ bytes: [UInt8]) -> [UInt8] { [0x0F, UInt8(bytes.count)] + bytes }
  static func advance(_ bytes: UInt8) -> [UInt8] { [0x40 | bytes] }
  /// `words` of 8 bytes below the CFA, with the data alignment -8.
  static func offset(_ register: UInt8, _ words: UInt8) -> [UInt8] { [0x80 | register, words] }
  static func restore(_ register: UInt8) -> [UInt8] { [0xC0 | register] }
  static func undefined(_ register: UInt8) -> [UInt8] { [0x07, register] }
  static let remember: [UInt8] = [0x0A]
  static let restoreState: [UInt8] = [0x0B]
  static func expression(_ register: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [0x10, register, UInt8(bytes.count)] + bytes
  }
  static func valueExpression(_ register: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    [0x16, register, UInt8(bytes.count)] + bytes
  }
}

/// Little-endian numbers in a row.
struct ByteWriter {
  var bytes: [UInt8] = []

  mutating func add<Value: FixedWidthInteger>(_ value: Value) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  mutating func pad(to count: Int) { bytes += [UInt8](repeating: 0, count: max(0, count - bytes.count)) }

  /// The header of an ELF file for this machine; program headers follow it. `sections`: how many section headers there are, where,
  /// and which has the names.
  mutating func addELFHeader(segments: UInt16, sections: (count: UInt16, offset: UInt64, names: UInt16) = (0, 0, 0)) {
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
  mutating func addSegment(flags: UInt32, offset: UInt64, address: UInt64, size: UInt64) {
    for word in [1, flags] { add(word) }
    for word in [offset, address, address, size, size, 0x1000] { add(word) }
  }
}

/// A program that exists as bytes alone: an ELF image of code and of the call frame information that is said of it.
struct SyntheticProgram {
  struct Description {
    var code: Range<UInt64>
    var instructions: [UInt8]
    var isSignalFrame = false
  }

  /// The initial instructions of all frame descriptions.
  var initial = CFA.define(7, 8) + CFA.offset(16, 1)
  var returnColumn: UInt8 = 16
  var descriptions: [Description] = []
  /// By address; the image is not moved, and addresses are file offsets.
  var code: [Int: [UInt8]] = [:]
  /// Bytes of it all.
  static let size = 0x4000
  private static let frames = 0x2000

  mutating func describe(_ code: Range<UInt64>, _ instructions: [UInt8] = [], isSignalFrame: Bool = false) {
    descriptions.append(Description(code: code, instructions: instructions, isSignalFrame: isSignalFrame))
  }

  /// What `.eh_frame` holds.
  var frameBytes: [UInt8] {
    var writer = ByteWriter()
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

  private func entry(_ writer: inout ByteWriter, _ body: (inout ByteWriter) -> Void) {
    let start = writer.bytes.count
    writer.add(UInt32(0))
    body(&writer)
    let length = UInt32(writer.bytes.count - start - 4)
    withUnsafeBytes(of: length) { writer.bytes.replaceSubrange(start..<start + 4, with: $0) }
  }

  /// An ELF file for this machine, whatever the registers' numbers mean.
  var image: [UInt8] {
    let names = Array("\0.eh_frame\0.shstrtab\0".utf8)
    let frames = frameBytes
    var writer = ByteWriter()
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

  private func section(_ writer: inout ByteWriter, name: UInt32, type: UInt32, at offset: Int, count: Int) {
    writer.add(name)
    writer.add(type)
    for word in [2, UInt64(offset), UInt64(offset), UInt64(count)] { writer.add(word) }
    for word in [0, 0] as [UInt32] { writer.add(word) }
    for word in [8, 0] as [UInt64] { writer.add(word) }
  }
}

/// A synthetic process: one program at `base`, and a stack.
struct SyntheticProcess {
  static let base: UInt64 = 0x7F00_0000_0000
  static let stack: UInt64 = 0x7FFF_0000_0000

  var modules = ModuleTable()
  var space = AddressSpace()

  init(_ program: SyntheticProgram) {
    let module = modules.add(memory: program.image, name: "program")
    space.add(
      Mapping(start: Self.base, end: Self.base + UInt64(SyntheticProgram.size), fileOffset: 0, module: module))
  }

  struct Walk {
    var frames: [Frame]
    var end: StackEnd
    var counters: UnwindCounters
    /// Relative to the program.
    var addresses: [UInt64] { frames.map { $0.code.address &- SyntheticProcess.base } }
    var guessed: [Bool] { frames.map(\.isGuessed) }
  }

  /// Walks up from registers (by DWARF number) with the words of a stack.
  func walk<Machine: Architecture>(
    _: Machine.Type, _ registers: [Int: UInt64], _ words: [UInt64], start: UInt64 = Self.stack, limit: Int = 1024
  ) -> Walk {
    var core = UnwindCore<Machine>(modules: modules)
    return walk(&core, registers, words, start: start, limit: limit)
  }

  func walk<Machine: Architecture>(
    _ core: inout UnwindCore<Machine>, _ registers: [Int: UInt64], _ words: [UInt64], start: UInt64 = Self.stack,
    limit: Int = 1024
  ) -> Walk {
    var all = UserRegisters()
    for (number, value) in registers { all[number] = value }
    var frames = FlatArray<Frame>()
    let end = words.withUnsafeBytes {
      core.unwind(all, StackBytes(start: start, bytes: $0), space, limit: limit, into: &frames)
    }
    return Walk(frames: Array(frames.elements), end: end, counters: core.allCounters)
  }
}
