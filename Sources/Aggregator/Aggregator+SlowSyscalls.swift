internal import TraceModel

// Slow syscalls while the window is open: their stacks have to be looked at soon after they end.
extension Aggregator {
  /// The slow syscalls of the open window that have ended since this was asked last, in the order of their ends. What nobody has
  /// asked for is in the window's snapshot.
  package mutating func takeSlowSyscalls() -> [EndedSyscall] { syscallEvents.take() }

  /// When the syscall began that thread `tid` is in, ns; nil where it is in none that may be reported.
  package mutating func openSyscallStart(of tid: Int32) -> UInt64? {
    let thread = threads.find(tid)
    guard thread >= 0, threads.records[thread].scheduling != .dead, threads.records[thread].callStart != 0 else {
      return nil
    }
    return threads.records[thread].callStart
  }
}
