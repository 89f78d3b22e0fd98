/// The numbering that a task's syscalls use.
///
/// `raw_syscalls` records the number alone: 11 is `munmap` to a 64-bit x86 task and `execve` to a 32-bit one.
package enum SyscallABI: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case x86_64
  case i386
  case arm64
  /// 32-bit Arm, EABI.
  case arm
  case s390x
  /// 64-bit PowerPC of either byte order.
  case ppc64
  case riscv64
  /// A numbering whose names are not known here.
  case other

  /// The numbering of this machine's own 64-bit programs.
  package static var native: SyscallABI {
    #if arch(arm64)
      .arm64
    #else
      .x86_64
    #endif
  }

  /// The numbering of a machine's own programs. `name`: what `uname -m` says there.
  package init(machine name: some StringProtocol) {
    switch name {
    case "x86_64": self = .x86_64
    case "i386", "i486", "i586", "i686": self = .i386
    case "aarch64", "aarch64_be": self = .arm64
    case "s390x": self = .s390x
    case "ppc64", "ppc64le": self = .ppc64
    case "riscv64": self = .riscv64
    default: self = name.hasPrefix("armv") ? .arm : .other
    }
  }

  /// The number of `poll`, which has statistics of its own; arm64 and riscv64 have only `ppoll`. No call has it where it is not known.
  package var pollNumber: Int32 {
    switch self {
    case .x86_64: 7
    case .i386, .arm, .s390x: 168
    case .arm64, .riscv64: 73
    case .ppc64: 167
    case .other: .min
    }
  }

  /// The number of the first of two syscalls that only the trampolines of probes make: `uretprobe` (Linux 6.11) and
  /// `uprobe` (6.18). Nil where probes make none.
  package var firstProbeNumber: Int32? { self == .x86_64 ? 335 : nil }

  /// The number of `futex`, whose second argument tells what for it waits. No call has it where it is not known.
  package var futexNumber: Int32 {
    switch self {
    case .x86_64: 202
    case .i386, .arm: 240
    case .arm64, .riscv64: 98
    case .s390x: 238
    case .ppc64: 221
    case .other: .min
    }
  }

  /// The number of `rt_sigreturn`, whose `sys_exit` carries -1 instead. No call has it where it is not known.
  package var signalReturnNumber: Int32 {
    switch self {
    case .x86_64: 15
    case .i386, .arm, .s390x: 173
    case .arm64, .riscv64: 139
    case .ppc64: 172
    case .other: .min
    }
  }

  /// The number of `sigreturn`, which programs of some machines return from simple signal handlers with, as with `rt_sigreturn`. Nil
  /// where there is none.
  package var oldSignalReturnNumber: Int32? {
    switch self {
    case .i386, .arm, .s390x, .ppc64: 119
    case .x86_64, .arm64, .riscv64, .other: nil
    }
  }
}
