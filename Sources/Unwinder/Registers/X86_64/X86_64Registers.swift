/// x86-64: System V ABI, AMD64 supplement, figure 3.36 (DWARF numbers) and 3.2.1 (registers that calls preserve).
package enum X86_64: Architecture {
  // The numbers' order is not that of the instruction encoding.
  package static let rax = 0
  package static let rdx = 1
  package static let rcx = 2
  package static let rbx = 3
  package static let rsi = 4
  package static let rdi = 5
  package static let rbp = 6
  package static let rsp = 7
  package static let r8 = 8
  package static let r10 = 10
  package static let r15 = 15
  /// The return address column: the caller's rip.
  package static let rip = 16

  static var stackPointer: Int { rsp }
  static var framePointer: Int { rbp }
  static var programCounter: Int { rip }
  static var returnAddress: Int { rip }
  static var savedCount: Int { 6 }
  /// rbx, rbp, r12 to r15.
  static var savedLow: UInt64 { 0x0F0E_0D0C_0603 }
  static var savedHigh: UInt32 { 0 }
  static var savedMask: UInt64 { 0xF048 }
  static var callPushesReturnAddress: Bool { true }
  static var probeSlot: UInt64 { 128 }
  @inline(__always)
  static func stripped(_ address: UInt64) -> UInt64 { address }
}
