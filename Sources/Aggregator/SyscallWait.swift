internal import TraceModel

/// What made a thread runnable.
package struct Waker: Sendable, Equatable, Hashable, BitwiseCopyable {
  /// Where the kernel was when it woke the thread.
  package enum Context: UInt8, Sendable, BitwiseCopyable {
    /// A task woke the thread.
    case task
    case softIRQ
    case hardIRQ
  }

  /// The task that woke the thread; in an interrupt, the one that the interrupt landed on, which has nothing to do with it.
  package var tid: Int32
  package var context: Context

  package init(tid: Int32, context: Context) {
    self.tid = tid
    self.context = context
  }

  /// The task that `sched:sched_wakeup` was recorded in, if that is the waker; nil where it need not be. An interrupt, or the idle task,
  /// can have taken over the wake-up from a task of another CPU (`TTWU_QUEUE`). In another task's own time the kernel wakes nobody
  /// for others.
  init?(ofWakeup event: Event) {
    let waker = Waker(tid: event.tid, flags: Int32(truncatingIfNeeded: event.value))
    guard waker.context == .task, waker.tid != 0 else { return nil }
    self = waker
  }

  /// The waker that a record tells of. `flags`: its `common_flags` (TRACE_FLAG_HARDIRQ, TRACE_FLAG_SOFTIRQ of
  /// include/linux/trace_events.h).
  init(tid: Int32, flags: Int32) {
    self.init(tid: tid, context: flags & 0x08 != 0 ? .hardIRQ : flags & 0x10 != 0 ? .softIRQ : .task)
  }
}

/// One wait of a syscall: from where it gave up its CPU until it ran again.
package struct SyscallWait: Sendable, Equatable, BitwiseCopyable {
  /// When the thread was switched out, ns.
  package var start: UInt64
  /// When the thread became runnable, ns: at `start` where it was preempted; 0 where no wake-up was seen.
  package var wakeup: UInt64
  /// When the thread ran again, ns.
  package var end: UInt64
  /// The state bits that the thread was switched out with; 0: runnable.
  package var state: Int32
  /// What made the thread runnable; nil where it was preempted, or nothing told.
  package var waker: Waker?
  /// Whether it was not recorded when the thread ran again: `end` is as far as it is known to have waited.
  package var isCut = false

  package init(start: UInt64, wakeup: UInt64, end: UInt64, state: Int32, waker: Waker? = nil) {
    self.start = start
    self.wakeup = wakeup
    self.end = end
    self.state = state
    self.waker = waker
  }

  /// How long the thread was not runnable, ns.
  package var blocked: UInt64 { (wakeup == 0 ? end : wakeup) &- start }
  /// How long the thread was runnable and did not run, ns.
  package var ready: UInt64 { wakeup == 0 ? 0 : end &- wakeup }
}
