package import TraceModel

// 32-bit calls of a 64-bit program (`int $0x80`): the kernel records their numbers without saying that they are i386's. What
// proves one is a number that no 64-bit call has, or the instruction itself, where a stack sample shows it.
extension SyscallABI {
  /// Whether a call of this number that did not fail was one of another numbering, in a program of this one.
  ///
  /// x86-64 has no calls between 336 and 424, where the numbers of all machines go on together; the kernel answers any with
  /// ENOSYS. i386 has some dozens there.
  func isForeign(_ number: Int32) -> Bool { self == .x86_64 && (337..<424).contains(number) }

  /// The numbering of a program's calls that are not of its own.
  package var compat: SyscallABI? { self == .x86_64 ? .i386 : nil }
}

extension Snapshot {
  /// The processes of a numbering that have made calls of the other one in this window.
  package var processesWithCompatCalls: Set<Int32> {
    let compat = Dictionary(processes.map { ($0.pid, $0.abi.compat) }) { $1 }
    var found: Set<Int32> = []
    for thread in threads where thread.syscalls.contains(where: { compat[thread.pid] == $0.abi }) {
      found.insert(thread.pid)
    }
    return found
  }
}
