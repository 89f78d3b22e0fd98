/// Where the caller's value of a register is (DWARF 5, 6.4.1).
package enum RegisterRule: Equatable, Sendable {
  /// Nothing is said: the architecture's convention holds.
  case unspecified
  /// Lost; of the return address: there is no caller.
  case undefined
  case sameValue
  /// At CFA + N.
  case offset(Int64)
  /// Is CFA + N.
  case valueOffset(Int64)
  case register(UInt8)
  /// At the address that an expression with the CFA on its stack gives; where it lies in the section.
  case expression(Range<Int>)
  /// Is what such an expression gives.
  case valueExpression(Range<Int>)
}

/// The canonical frame address: on x86-64 and arm64 the stack pointer before the call.
package enum CFARule: Equatable, Sendable {
  case undefined
  case registerOffset(UInt8, Int64)
  /// Where the expression lies in the section.
  case expression(Range<Int>)
}

/// How to unwind from the instructions of one range.
package struct CFIRow: Equatable, Sendable {
  /// Columns that are kept: all general registers of x86-64 (0...16) and of arm64 (0...31). Vector registers, whose
  /// numbers follow, hold no addresses.
  package static let columns = 33

  package internal(set) var code: Range<UInt64> = 0..<0
  package internal(set) var cfa: CFARule = .undefined
  /// By column.
  package internal(set) var registers = [RegisterRule](repeating: .unspecified, count: columns)
  /// The column of the return address, less than `columns`.
  package internal(set) var returnAddressRegister = 0
  package internal(set) var isSignalFrame = false
}
