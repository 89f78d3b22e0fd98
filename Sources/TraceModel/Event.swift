/// What an event says. The raw values are private to one run and never stored.
public enum EventKind: UInt8, Sendable, BitwiseCopyable {
  /// `raw_syscalls:sys_enter`; subject = syscall number, value = the call's second argument, as a futex's operation is.
  case syscallEnter
  /// `raw_syscalls:sys_exit`; subject = syscall number (-1 after `rt_sigreturn`), value = return value.
  case syscallExit
  /// `sched:sched_switch`; tid = previous task, subject = next task, detail = previous task's state bits.
  case contextSwitch
  /// `sched:sched_wakeup`; subject = woken task, detail = the CPU on which it waits for its turn, value = the kernel's
  /// `common_flags`.
  case wakeup
  /// `sched:sched_wakeup_new`; subject = woken task, detail = the CPU on which it waits for its turn, value = the kernel's
  /// `common_flags`.
  case wakeupNew
  /// `sched:sched_waking`; tid = the task that wakes it, or that the waking interrupt landed on, subject = woken task,
  /// detail = the kernel's `common_flags`.
  case waking
  /// `irq:irq_handler_entry`; subject = interrupt number, detail = `NameID` of the handler.
  case hardIRQEntry
  /// `irq:irq_handler_exit`; subject = interrupt number, detail = 0 where the handler said "not mine".
  case hardIRQExit
  /// `irq:softirq_entry`; subject = vector.
  case softIRQEntry
  /// `irq:softirq_exit`; subject = vector.
  case softIRQExit
  /// `task:task_newtask`; tid = parent, subject = new task, detail = `NameID`, value = clone flags.
  case newTask
  /// `task:task_rename`; subject = task, detail = `NameID` of its new name.
  case rename
  /// `sched:sched_process_exit`; subject = task.
  case exit
  /// `sched:sched_process_exec`; subject = task, detail = its tid before the exec.
  case exec
  /// The start of a gap: from here on events of `cpu` are missing. value = how many, or -1 where the kernel did not say.
  case gapStart
  /// The end of a gap: from here on the events of `cpu` are complete again.
  case gapEnd
  /// What opens a window; tid = the task that it happened to.
  case startTrigger
  /// What closes a window.
  case stopTrigger
  /// One probe that is both: it closes the open window, and opens the next.
  case startStopTrigger
  /// Triggers of `cpu` are missing here. value = how many, or -1 where the kernel did not say.
  case lostTriggers
  /// `ovs_dp_upcall` returned; subject = its return value, 0 or -errno.
  case upcall
  /// A function was called whose return a probe waits for; value = where it returns to, subject = the lower half of the stack
  /// pointer at its first instruction.
  case returnAddress
  /// Where in the kernel `tid` has given up its CPU: the kernel writes it right *after* the thread's `contextSwitch`, on the same
  /// CPU and before the thread can run again. subject = number of the stack in the reader's `KernelStackTable`; -1 where that is
  /// full.
  case kernelStack
  /// `exceptions:page_fault_user`: `tid` faults in its own code; value = address.
  case pageFault
  /// A kernel activity begins in `tid`; subject = `KernelActivity`, value = the lock's address where it is `spin` or `lock`.
  /// Activities nest, and each has an end; but one that contends for a lock can begin anew as the other sort of contention, for
  /// the same lock, without an end in between: a mutex is spun for before it is slept for.
  case activityBegin
  /// A kernel activity ends in `tid`; subject = `KernelActivity`, value as for `activityBegin`. The kernel's record does not tell
  /// the two sorts of contention apart: either ends with `lock`.
  case activityEnd
  /// `block:block_rq_issue`: `tid` hands a request to a disk; subject = the disk's `dev_t` of the kernel.
  case diskRequest
  /// `sched:sched_switch` of any task of the machine; tid = previous task, subject = next task, detail = previous task's state
  /// bits, value = `NameID` of the next task; 0 where the table of names has no room.
  case machineSwitch
  /// `sched:sched_waking` of any task of the machine; tid, subject and detail as for `waking`.
  case machineWaking
  /// `irq:irq_handler_entry` on a CPU, whatever task it runs; subject and detail as for `hardIRQEntry`.
  case machineHardIRQEntry
  /// `irq:irq_handler_exit` on a CPU, whatever task it runs; subject and detail as for `hardIRQExit`.
  case machineHardIRQExit
  /// `irq:softirq_entry` on a CPU, whatever task it runs; subject = vector.
  case machineSoftIRQEntry
  /// `irq:softirq_exit` on a CPU, whatever task it runs; subject = vector.
  case machineSoftIRQExit
}

/// What the kernel can do inside a syscall or a page fault, that events tell the beginning and the end of. The raw values are the
/// subjects of `activityBegin` and `activityEnd`, private to one run.
public enum KernelActivity: Int32, Sendable, BitwiseCopyable, CaseIterable {
  /// The thread frees memory itself before it gets some: `vmscan:mm_vmscan_direct_reclaim_begin` and `_end`, and those of a
  /// memory control group, `mm_vmscan_memcg_reclaim_begin` and `_end`.
  case reclaim
  /// The thread moves memory together: `compaction:mm_compaction_begin` and `_end`.
  case compaction
  /// The thread spins for a lock of the kernel: `lock:contention_begin` and `_end` with the flag `LCB_F_SPIN`.
  case spin
  /// The thread sleeps for a lock of the kernel: `lock:contention_begin` and `_end` without that flag.
  case lock
}

extension EventKind {
  /// Whether the event tells of the task that its CPU runs, and of nothing else: neither of another task, nor of a window's edge.
  @inlinable
  @inline(__always)
  public var isLocal: Bool {
    switch self {
    case .syscallEnter, .syscallExit, .hardIRQEntry, .hardIRQExit, .softIRQEntry, .softIRQExit: true
    default: false
    }
  }

  /// Whether the event opens or closes windows.
  @inlinable
  @inline(__always)
  public var isTrigger: Bool { self == .startTrigger || self == .stopTrigger || self == .startStopTrigger }
}

/// One decoded event, 32 bytes, without references: batches of it are what modules hand each other.
///
/// What `subject`, `detail` and `value` mean depends on `kind`; a field that a kind does not name is 0.
public struct Event: Sendable, Equatable, BitwiseCopyable {
  /// The time of the event, CLOCK_MONOTONIC, ns.
  public var timestamp: UInt64
  /// The task that was running when the event was recorded (`common_pid`).
  public var tid: Int32
  /// What happened. The kind says what `subject`, `detail` and `value` mean.
  public var kind: EventKind
  /// The CPU that recorded the event.
  public var cpu: UInt16
  /// What the event is about: a task, an interrupt, a syscall.
  public var subject: Int32
  /// More about the subject.
  public var detail: Int32
  /// A number of 64 bits, whose meaning depends on the kind.
  public var value: Int64

  /// An event; fields that its kind does not name stay 0.
  @inlinable
  @inline(__always)
  public init(
    timestamp: UInt64, tid: Int32, kind: EventKind, cpu: UInt16, subject: Int32 = 0,
    detail: Int32 = 0, value: Int64 = 0
  ) {
    self.timestamp = timestamp
    self.tid = tid
    self.kind = kind
    self.cpu = cpu
    self.subject = subject
    self.detail = detail
    self.value = value
  }
}
