internal import TraceModel

/// How `.eh_frame` writes addresses: `DW_EH_PE_…` of the Linux Standard Base, chapter 10.5.
struct PointerEncoding: RawRepresentable, Equatable {
  let rawValue: UInt8

  /// DW_EH_PE_omit: there is no pointer.
  static let omitted = PointerEncoding(rawValue: 0xFF)
  /// DW_EH_PE_absptr
  static let absolute = PointerEncoding(rawValue: 0)

  /// What encoded pointers count from.
  struct Bases {
    /// Where the section that is read is mapped, before the image is moved.
    var section: UInt64 = 0
    /// DW_EH_PE_textrel
    var text: UInt64?
    /// DW_EH_PE_datarel; of `.eh_frame_hdr` its own address.
    var data: UInt64?
    /// DW_EH_PE_funcrel
    var function: UInt64?
    var is64Bit = true
  }

  /// DW_EH_PE_indirect: the address of the pointer, which is only in memory.
  var isIndirect: Bool { rawValue & 0x80 != 0 }

  /// The format alone, as an FDE's length is written with.
  var format: PointerEncoding { PointerEncoding(rawValue: rawValue & 0x0F) }

  /// Reads a pointer; of an indirect one its place.
  func read(_ cursor: inout ByteCursor, _ bases: Bases) throws(CFIError) -> UInt64 {
    guard self != .omitted else { throw .unsupported }
    var base: UInt64 = 0
    switch rawValue & 0x70 {
    case 0x00: break
    case 0x10: base = bases.section &+ UInt64(cursor.offset)
    case 0x20: base = try Self.known(bases.text)
    case 0x30: base = try Self.known(bases.data)
    case 0x40: base = try Self.known(bases.function)
    case 0x50:
      let size: UInt64 = bases.is64Bit ? 8 : 4
      let address = bases.section &+ UInt64(cursor.offset)
      _ = try cursor.bytes((0 &- address) & (size - 1))
    default: throw .unsupported
    }
    let value = base &+ (try number(&cursor, is64Bit: bases.is64Bit))
    return bases.is64Bit ? value : value & 0xFFFF_FFFF
  }

  private func number(_ cursor: inout ByteCursor, is64Bit: Bool) throws(CFIError) -> UInt64 {
    switch rawValue & 0x0F {
    case 0x00: try cursor.address(is64Bit: is64Bit)
    case 0x01: try cursor.unsignedLEB()
    case 0x02: UInt64(try cursor.read(UInt16.self))
    case 0x03: UInt64(try cursor.read(UInt32.self))
    case 0x04: try cursor.read(UInt64.self)
    case 0x09: UInt64(bitPattern: try cursor.signedLEB())
    case 0x0A: UInt64(bitPattern: Int64(try cursor.read(Int16.self)))
    case 0x0B: UInt64(bitPattern: Int64(try cursor.read(Int32.self)))
    case 0x0C: UInt64(bitPattern: try cursor.read(Int64.self))
    default: throw .unsupported
    }
  }

  private static func known(_ base: UInt64?) throws(CFIError) -> UInt64 {
    guard let base else { throw .unsupported }
    return base
  }
}
