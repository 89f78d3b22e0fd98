/// The general registers of a thread, by their DWARF numbers, and which of them are known.
package struct Registers: Sendable, Equatable, BitwiseCopyable {
  /// Numbers 0...31; 32 is arm64's program counter.
  private var low = SIMD32<UInt64>.zero
  private var last: UInt64 = 0
  /// Bit N: register N is known.
  package private(set) var known: UInt64 = 0

  /// None of them known.
  package init() {}

  /// The value of a register; nil if it is not known.
  package subscript(number: Int) -> UInt64? {
    get {
      guard (0...32).contains(number), known & (1 << UInt64(number)) != 0 else { return nil }
      return number == 32 ? last : low[number]
    }
    set {
      guard (0...32).contains(number) else { return }
      guard let newValue else {
        known &= ~(1 << UInt64(number))
        return
      }
      known |= 1 << UInt64(number)
      if number == 32 { last = newValue } else { low[number] = newValue }
    }
  }
}
