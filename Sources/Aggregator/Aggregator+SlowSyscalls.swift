internal import TraceModel

// Slow syscalls while the window is open: their stacks have to be looked at soon after they end.
extension Aggregator {
  /// How many the open window has so far; the first stays the first until it closes, and then there is none.
  package var slowSyscallCount: Int { syscallEvents.events.count }

  /// The slow syscall that ended as number `index`, from 0.
  package func slowSyscall(at index: Int) -> SyscallEvent { syscallEvents.events[index] }

  /// One of the waits that slow syscalls refer to.
  package func wait(at index: Int32) -> SyscallWait { syscallEvents.waits[Int(index)] }

  /// When the syscall began that thread `tid` is in, ns; nil where it is in none that may be reported.
  package mutating func openSyscallStart(of tid: Int32) -> UInt64? {
    let thread = threads.find(tid)
    guard thread >= 0, threads.records[thread].scheduling != .dead, threads.records[thread].syscallStart != 0 else {
      return nil
    }
    return threads.records[thread].syscallStart
  }
}
