internal import TraceModel

/// The numbering of a process's syscalls, and those numbers that every syscall event is compared with, looked up once.
struct SpecialNumbers: BitwiseCopyable {
  let poll: Int32
  private let signalReturn: Int32
  private let oldSignalReturn: Int32
  let futex: Int32
  private let firstProbe: Int32
  let abi: SyscallABI
  /// What the numbering adds to the key of a statistic.
  let key: UInt64

  init(_ abi: SyscallABI) {
    self.abi = abi
    key = SyscallTable.key(of: abi)
    poll = abi.pollNumber
    signalReturn = abi.signalReturnNumber
    oldSignalReturn = abi.oldSignalReturnNumber ?? abi.signalReturnNumber
    futex = abi.futexNumber
    firstProbe = abi.firstProbeNumber ?? .min
  }

  /// Whether only a probe's trampoline makes the syscall of this number.
  @inline(__always)
  func isProbe(_ number: Int32) -> Bool { UInt32(bitPattern: number &- firstProbe) < 2 }

  /// Whether the syscall of this number returns from a signal handler: its result is what the interrupted code had in a register.
  @inline(__always)
  func isSignalReturn(_ number: Int32) -> Bool { number == signalReturn || number == oldSignalReturn }
}
