/// What unwinding has to know of a machine and its calling convention.
protocol Architecture {
  /// The DWARF number of the stack pointer; those of `framePointer` and `programCounter` are DWARF numbers too.
  static var stackPointer: Int { get }
  static var framePointer: Int { get }
  static var programCounter: Int { get }
  /// The column of the return address: on arm64 the link register, on x86-64 a column of its own.
  static var returnAddress: Int { get }
  /// How many registers a called function gives back unchanged, the stack pointer apart; at most 12.
  static var savedCount: Int { get }
  /// The DWARF numbers of the registers that calls preserve, by slot, one per byte, from the lowest on.
  static var savedLow: UInt64 { get }
  static var savedHigh: UInt32 { get }
  /// The set of the registers that calls preserve. Bit N: register N is one of them.
  static var savedMask: UInt64 { get }
  /// Whether a call puts the return address on the stack, so that every frame has at least that.
  static var callPushesReturnAddress: Bool { get }
  /// The number of bytes of the first slot of the kernel's page for probes (UPROBE_XOL_SLOT_BYTES), which is the trampoline of
  /// return probes.
  static var probeSlot: UInt64 { get }
  /// An address without the bits that are not part of it: arm64's signature of return addresses.
  static func stripped(_ address: UInt64) -> UInt64
  /// How to unwind from code that no call frame information describes.
  static func guess(_ code: CodeWindow, isReturnAddress: Bool) -> UnwindRule
  /// The offset, from the stack pointer of a signal frame, at which the kernel saved register `number`.
  static func signalFrameOffset(of number: Int) -> UInt64?
  /// The rule of an expression that computes the CFA from the program counter alone, as linkers write for PLTs.
  static func rule(forExpression bytes: ArraySlice<UInt8>, at address: UInt64) -> UnwindRule?
}

/// The instructions around an address, as far as they are known.
package struct CodeWindow {
  /// How many bytes are read before and behind the address.
  package static let reach = 32

  private let bytes: [UInt8]
  private let here: Int

  /// Takes the bytes of a window. `here` is the place of the address in `bytes`.
  package init(_ bytes: [UInt8] = [], here: Int = 0) {
    self.bytes = bytes
    self.here = here
  }

  /// The byte at a distance from the address.
  subscript(distance: Int) -> UInt8? {
    let place = here + distance
    return bytes.indices.contains(place) ? bytes[place] : nil
  }

  /// Whether these bytes begin at a distance from the address.
  func has(_ wanted: [UInt8], at distance: Int = 0) -> Bool {
    for (place, byte) in wanted.enumerated() where self[distance + place] != byte { return false }
    return true
  }

  /// The 4-byte instruction at a distance from the address.
  func word(at distance: Int) -> UInt32? {
    var word: UInt32 = 0
    for place in 0..<4 {
      guard let byte = self[distance + place] else { return nil }
      word |= UInt32(byte) << UInt32(8 * place)
    }
    return word
  }
}
