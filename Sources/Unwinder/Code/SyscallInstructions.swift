package import TraceModel

/// Which of a 64-bit program's syscalls are 32-bit ones, by their instruction: `int $0x80`.
///
/// What was read of the code is kept as long as the mappings stay the same.
package struct SyscallInstructions {
  /// The most callsites that are kept: a program that makes its code at run time has ever other callsites.
  static let limit = 4096

  private var generation: UInt64 = 0
  private var known: [UInt64: Bool] = [:]

  package init() {}

  /// How many callsites are kept.
  var count: Int { known.count }

  /// Whether the syscall from which the thread would return with these registers is a 32-bit one; nil where the instruction
  /// cannot be read.
  package mutating func isCompat(_ registers: UserRegisters, in space: AddressSpace, of source: any CodeSource) -> Bool?
  {
    guard registers.architecture == .x86_64, !registers.is32Bit else { return false }
    guard let pointer = registers.instructionPointer else { return nil }
    if space.generation != generation {
      generation = space.generation
      known.removeAll(keepingCapacity: true)
    }
    if let answer = known[pointer] { return answer }
    guard let bytes = source.code(before: pointer, count: 2, in: space) else { return nil }
    if known.count >= Self.limit { known.removeAll(keepingCapacity: true) }
    known[pointer] = bytes == [0xCD, 0x80]
    return bytes == [0xCD, 0x80]
  }
}
