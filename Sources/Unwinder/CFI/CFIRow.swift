/// Where the caller's value of a register is (DWARF 5, 6.4.1).
package enum RegisterRule: Equatable, Sendable {
  /// Nothing is said: the architecture's convention holds.
  case unspecified
  /// The value is lost. For the return address: there is no caller.
  case undefined
  case sameValue
  /// The value is in memory at CFA + N.
  case offset(Int64)
  /// The value is CFA + N.
  case valueOffset(Int64)
  case register(UInt8)
  /// The value is in memory at the address that an expression with the CFA on its stack gives; where the expression lies in the
  /// section.
  case expression(Range<Int>)
  /// The value is what an expression with the CFA on its stack gives; where the expression lies in the section.
  case valueExpression(Range<Int>)
}

/// The canonical frame address: on x86-64 and arm64 the stack pointer before the call.
package enum CFARule: Equatable, Sendable {
  case undefined
  case registerOffset(UInt8, Int64)
  /// An expression gives the CFA; where it lies in the section.
  case expression(Range<Int>)
}

/// How to unwind from the instructions of one range.
package struct CFIRow: Equatable, Sendable {
  /// The number of columns that are kept: all general registers of x86-64 (0...16) and of arm64 (0...31). Vector registers, whose
  /// numbers follow, hold no addresses.
  package static let columns = 33

  package internal(set) var code: Range<UInt64> = 0..<0
  package internal(set) var cfa: CFARule = .undefined
  /// The rules of the registers, by column.
  package internal(set) var registers = [RegisterRule](repeating: .unspecified, count: columns)
  /// The column of the return address, less than `columns`.
  package internal(set) var returnAddressRegister = 0
  package internal(set) var isSignalFrame = false
}
