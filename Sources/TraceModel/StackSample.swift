/// What made the kernel take a stack sample.
package enum StackSampleSource: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  /// The thread gave up its CPU (`sched:sched_switch`): the kernel stack is where it blocked or was preempted.
  case switchOut
  /// The thread had run for another period of `task-clock` and was in the kernel: the kernel stack is what it was doing.
  case clock
  /// The thread's syscall was about to return (`raw_syscalls:sys_exit`).
  case syscallExit
}

/// The place of some bytes in a buffer.
package struct ByteSpan: Sendable, Equatable, BitwiseCopyable {
  package var offset: Int
  package var length: Int

  package init(offset: Int, length: Int) {
    self.offset = offset
    self.length = length
  }

  package static let empty = ByteSpan(offset: 0, length: 0)
}

/// One sample of a thread's stacks, of fixed size: the bytes lie in the arena of the `StackSampleStore` that it came from.
///
/// A sample that was taken inside a syscall shows user space as it was when the syscall began, whatever its source.
package struct StackSample: Sendable, BitwiseCopyable {
  /// The time of the sample, CLOCK_MONOTONIC, ns.
  package var timestamp: UInt64
  package var pid: Int32
  package var tid: Int32
  package var cpu: UInt16
  package var source: StackSampleSource
  package var registers: UserRegisters
  /// The return addresses in the kernel, innermost first, 8 bytes each.
  package var kernelCallchain: ByteSpan = .empty
  /// The user stack from the stack pointer upwards, as far as it could be read: the kernel's `dyn_size`, less what the
  /// store has no room for. Where the kernel followed frame pointers: code addresses, innermost first, 8 bytes each.
  package var userStack: ByteSpan = .empty
  /// The number of bytes of user stack that the kernel was asked for. If `userStack` has as many, the stack goes on beyond them.
  package var dumpSize: Int

  package init(
    timestamp: UInt64, pid: Int32, tid: Int32, cpu: UInt16, source: StackSampleSource, registers: UserRegisters,
    dumpSize: Int
  ) {
    self.timestamp = timestamp
    self.pid = pid
    self.tid = tid
    self.cpu = cpu
    self.source = source
    self.registers = registers
    self.dumpSize = dumpSize
  }
}
