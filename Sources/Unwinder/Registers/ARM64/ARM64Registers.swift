/// arm64: DWARF for the Arm 64-bit Architecture, 4.1 (numbers), and AAPCS64, 6.1.1 (registers that calls preserve).
package enum ARM64: Architecture {
  package static let x19 = 19
  /// The frame pointer.
  package static let x29 = 29
  /// The link register.
  package static let x30 = 30
  package static let sp = 31
  package static let pc = 32

  static var stackPointer: Int { sp }
  static var framePointer: Int { x29 }
  static var programCounter: Int { pc }
  static var returnAddress: Int { x30 }
  static var savedCount: Int { 12 }
  /// x19 to x30. The link register is not preserved, but saved and restored like those that are.
  static var savedLow: UInt64 { 0x1A19_1817_1615_1413 }
  static var savedHigh: UInt32 { 0x1E1D_1C1B }
  static var savedMask: UInt64 { 0x7FF8_0000 }
  static var callPushesReturnAddress: Bool { false }
  // MAX_UINSN_BYTES is its size there.
  static var probeSlot: UInt64 { 4 }
  /// User addresses have at most 48 bits; pointer authentication signs the bits above, and tags are there too.
  @inline(__always)
  static func stripped(_ address: UInt64) -> UInt64 { address & 0xFFFF_FFFF_FFFF }
}
