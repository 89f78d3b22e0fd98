/// The numbering of a sampled task's registers.
package enum RegisterArchitecture: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case x86_64
  case arm64

  /// The numbering of this machine's own 64-bit programs.
  package static var native: RegisterArchitecture {
    #if arch(arm64)
      .arm64
    #else
      .x86_64
    #endif
  }

  /// DWARF's number of the stack pointer.
  package var stackPointer: Int {
    switch self {
    case .x86_64: 7
    case .arm64: 31
    }
  }

  /// Where the instruction pointer is kept: x86-64's return address column; one past the stack pointer on arm64, whose
  /// program counter has the same number 32.
  package var instructionPointer: Int {
    switch self {
    case .x86_64: 16
    case .arm64: 32
    }
  }

  /// DWARF's number of the register that the kernel numbers `index` (arch/x86/include/uapi/asm/perf_regs.h,
  /// arch/arm64/include/uapi/asm/perf_regs.h); nil for flags, segments and vectors, which no unwinder needs.
  @inline(__always)
  package func dwarfNumber(ofKernelRegister index: Int) -> Int? {
    switch self {
    case .x86_64:
      switch index {
      case 0: 0  // rax
      case 1: 3  // rbx
      case 2: 2  // rcx
      case 3: 1  // rdx
      case 4...7: index  // rsi, rdi, rbp, rsp
      case 8: 16  // rip
      case 16...23: index - 8  // r8 to r15
      default: nil
      }
    case .arm64: index <= 32 ? index : nil
    }
  }

  /// The kernel's mask of all registers that have a DWARF number.
  package var kernelMask: UInt64 {
    (0..<64).reduce(0) { mask, index in dwarfNumber(ofKernelRegister: index) == nil ? mask : mask | 1 << UInt64(index) }
  }
}

/// A task's user-space registers by their DWARF numbers, the instruction pointer at `architecture.instructionPointer`.
package struct UserRegisters: Sendable, BitwiseCopyable {
  /// The number of registers that there is room for: arm64's 31, its stack pointer and its program counter.
  package static let capacity = 33

  private typealias Block = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
  private var values: (Block, Block, Block) = (
    (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
  )
  /// The set of registers that are known. Bit N: register N is known.
  package private(set) var known: UInt64 = 0
  package let architecture: RegisterArchitecture
  /// Whether the task runs 32-bit code, whose registers these are.
  package let is32Bit: Bool

  package init(_ architecture: RegisterArchitecture = .native, is32Bit: Bool = false) {
    self.architecture = architecture
    self.is32Bit = is32Bit
  }

  /// The value of register `number`; nil where it is not known or there is no such register. Nil cannot be set.
  @inline(__always)
  package subscript(number: Int) -> UInt64? {
    get {
      guard number >= 0, number < Self.capacity, known & (1 &<< UInt64(number)) != 0 else { return nil }
      return withUnsafeBytes(of: values) { $0.load(fromByteOffset: number &* 8, as: UInt64.self) }
    }
    set {
      guard number >= 0, number < Self.capacity, let newValue else { return }
      known |= 1 &<< UInt64(number)
      withUnsafeMutableBytes(of: &values) { $0.storeBytes(of: newValue, toByteOffset: number &* 8, as: UInt64.self) }
    }
  }

  package var stackPointer: UInt64? { self[architecture.stackPointer] }
  package var instructionPointer: UInt64? { self[architecture.instructionPointer] }
}
