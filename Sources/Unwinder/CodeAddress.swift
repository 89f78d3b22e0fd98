/// The address of code in a stack: the two kinds are looked up differently.
///
/// A return address is the instruction behind a call. If the call is the last one of its function (because the callee
/// does not return), that is the next function's first one already: it is looked up one byte before. An interrupted
/// instruction has not run: it is looked up as it is.
package enum CodeAddress: Sendable, Equatable, BitwiseCopyable {
  /// The address of an instruction where a thread is, or where a signal interrupted it.
  case instruction(UInt64)
  /// The address that a call comes back to; not 0.
  case returnAddress(UInt64)

  /// The address that is printed.
  @inline(__always)
  package var address: UInt64 {
    switch self {
    case .instruction(let address), .returnAddress(let address): address
    }
  }

  /// The address that mappings, call frame information and symbols are searched for: that of the instruction that runs or that
  /// called.
  @inline(__always)
  package var lookup: UInt64 {
    switch self {
    case .instruction(let address): address
    case .returnAddress(let address): address &- 1
    }
  }

  @inline(__always)
  var isReturnAddress: Bool {
    if case .returnAddress = self { true } else { false }
  }
}
