/// The numbering that a task's syscalls use.
///
/// `raw_syscalls` records the number alone: 11 is `munmap` to a 64-bit x86 task and `execve` to a 32-bit one.
package enum SyscallABI: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case x86_64
  case i386
  case arm64

  /// The numbering of this machine's own 64-bit programs.
  package static var native: SyscallABI {
    #if arch(arm64)
      .arm64
    #else
      .x86_64
    #endif
  }

  /// The number of `poll`, which has statistics of its own; arm64 has only `ppoll`.
  package var pollNumber: Int32 {
    switch self {
    case .x86_64: 7
    case .i386: 168
    case .arm64: 73
    }
  }

  /// The number of the first of two syscalls that only the trampolines of probes make: `uretprobe` (Linux 6.11) and
  /// `uprobe` (6.18). Nil where probes make none.
  package var firstProbeNumber: Int32? {
    switch self {
    case .x86_64: 335
    case .i386, .arm64: nil
    }
  }

  /// The number of `futex`, whose second argument tells what for it waits.
  package var futexNumber: Int32 {
    switch self {
    case .x86_64: 202
    case .i386: 240
    case .arm64: 98
    }
  }

  /// The number of `rt_sigreturn`, whose `sys_exit` carries -1 instead.
  package var signalReturnNumber: Int32 {
    switch self {
    case .x86_64: 15
    case .i386: 173
    case .arm64: 139
    }
  }
}
