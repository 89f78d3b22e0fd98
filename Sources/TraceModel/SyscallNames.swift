/// Names of syscalls by number. The tables are generated (see Scripts/generate-syscall-names), since the kernel's
/// own event directory has the names but not the numbers.
package enum SyscallNames {
  private static let x86_64 = parse(x86_64Lines)
  private static let x32 = parse(x32Lines)
  private static let i386 = parse(i386Lines)
  private static let arm64 = parse(arm64Lines)
  private static let arm = parse(armLines)
  private static let s390x = parse(s390xLines)
  private static let ppc64 = parse(ppc64Lines)
  private static let riscv64 = parse(riscv64Lines)

  /// The names of a numbering; x32's own are not among those of x86-64.
  private static func table(_ abi: SyscallABI) -> [Int32: String] {
    switch abi {
    case .x86_64: x86_64
    case .i386: i386
    case .arm64: arm64
    case .arm: arm
    case .s390x: s390x
    case .ppc64: ppc64
    case .riscv64: riscv64
    case .other: [:]
    }
  }

  /// The kernel's name of a syscall; `syscall_NNN` where no table has it.
  package static func name(_ number: Int32, abi: SyscallABI) -> String {
    let table = abi == .x86_64 && number & x32Bit != 0 ? x32 : table(abi)
    return table[number & ~x32Bit] ?? x86_64FallBack(number, abi) ?? "syscall_\(number)"
  }

  /// The number of the syscall of this name; nil where the numbering has none. x32's own numbers are not looked for.
  package static func number(_ name: String, abi: SyscallABI) -> Int32? {
    table(abi).first { $0.value == name }?.key
  }

  /// x32 has numbers of its own only where structures differ; the others are those of x86_64.
  private static func x86_64FallBack(_ number: Int32, _ abi: SyscallABI) -> String? {
    abi == .x86_64 && number & x32Bit != 0 ? x86_64[number & ~x32Bit] : nil
  }

  /// x32 programs set this bit (__X32_SYSCALL_BIT) in the numbers of a 64-bit x86 kernel.
  private static let x32Bit: Int32 = 0x4000_0000

  /// Reads lines of `number name`.
  private static func parse(_ lines: StaticString) -> [Int32: String] {
    var table: [Int32: String] = [:]
    for line in lines.description.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, let number = Int32(words[0]) { table[number] = String(words[1]) }
    }
    return table
  }
}
