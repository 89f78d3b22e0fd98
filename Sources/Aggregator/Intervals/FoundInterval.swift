package import TraceModel

/// What an interval of a thread is.
package enum IntervalKind: Int, Sendable, BitwiseCopyable, CaseIterable {
  /// From the end of one `poll` to the begin of the next.
  case longPoll
  case ready
  /// Asleep where a signal could have ended it.
  case blockedInterruptible
  /// Asleep where no signal could have ended it.
  case blockedUninterruptible
  case stopped
  case syscall
  case hardIRQ
  case softIRQ
  /// From a page fault to the end of the last wait in it.
  case pageFault
}

/// An interval of one thread.
package struct FoundInterval: Sendable, Equatable, BitwiseCopyable {
  package var kind: IntervalKind
  package var pid: Int32
  package var tid: Int32
  /// The thread's name when the interval ended.
  package var name: NameID
  /// The number of the syscall; 0 for other kinds.
  package var number: Int32
  package var abi: SyscallABI
  /// When the interval began, ns.
  package var start: UInt64
  package var end: UInt64

  package init(
    _ kind: IntervalKind, pid: Int32, tid: Int32, name: NameID, number: Int32 = 0, abi: SyscallABI = .native,
    start: UInt64, end: UInt64
  ) {
    self.kind = kind
    self.pid = pid
    self.tid = tid
    self.name = name
    self.number = number
    self.abi = abi
    self.start = start
    self.end = end
  }
}
