internal import TraceModel

/// The tracepoints that the statistics are made of: one row each.
package enum TracedEvent: CaseIterable, Sendable {
  case syscallEnter, syscallExit
  case contextSwitch, wakeup, wakeupNew, waking
  case hardIRQEntry, hardIRQExit, softIRQEntry, softIRQExit
  case newTask, rename, exit, exec

  /// All that is to be said about one tracepoint.
  private struct Row {
    let name: EventName
    let purpose: String
    let reading: RecordReading
    let isGated: Bool
    let isEssential: Bool

    init(
      _ system: String, _ name: String, _ reading: RecordReading, isGated: Bool = false, isEssential: Bool = false,
      purpose: String
    ) {
      self.name = EventName(system, name)
      self.purpose = purpose
      self.reading = reading
      self.isGated = isGated
      self.isEssential = isEssential
    }
  }

  private var row: Row {
    switch self {
    case .syscallEnter:
      Row(
        "raw_syscalls", "sys_enter", .syscallEnter, isGated: true, isEssential: true,
        purpose: "syscall statistics; the tool cannot work without it")
    case .syscallExit:
      Row(
        "raw_syscalls", "sys_exit", RecordReading(.syscallExit, subject: "id", value: "ret"), isGated: true,
        isEssential: true, purpose: "syscall statistics; the tool cannot work without it")
    case .contextSwitch:
      Row(
        "sched", "sched_switch",
        RecordReading(.contextSwitch, tid: "prev_pid", subject: "next_pid", detail: "prev_state"),
        purpose: "run, ready and blocked time")
    case .wakeup:
      Row(
        "sched", "sched_wakeup", RecordReading(.wakeup, subject: "pid", detail: "target_cpu", value: "common_flags"),
        purpose: "ready time after a wake-up")
    case .wakeupNew:
      Row(
        "sched", "sched_wakeup_new",
        RecordReading(.wakeupNew, subject: "pid", detail: "target_cpu", value: "common_flags"),
        purpose: "ready time after a wake-up")
    case .waking:
      Row(
        "sched", "sched_waking", RecordReading(.waking, subject: "pid", detail: "common_flags"),
        purpose: "who ends the waits of slow syscalls")
    case .hardIRQEntry:
      Row(
        "irq", "irq_handler_entry", RecordReading(.hardIRQEntry, subject: "irq", text: "name"), isGated: true,
        purpose: "hard interrupt statistics")
    case .hardIRQExit:
      Row(
        "irq", "irq_handler_exit", RecordReading(.hardIRQExit, subject: "irq", detail: "ret"), isGated: true,
        purpose: "hard interrupt statistics")
    case .softIRQEntry:
      Row(
        "irq", "softirq_entry", RecordReading(.softIRQEntry, subject: "vec"), isGated: true,
        purpose: "soft interrupt statistics")
    case .softIRQExit:
      Row(
        "irq", "softirq_exit", RecordReading(.softIRQExit, subject: "vec"), isGated: true,
        purpose: "soft interrupt statistics")
    case .newTask:
      Row(
        "task", "task_newtask", RecordReading(.newTask, subject: "pid", value: "clone_flags", text: "comm"),
        purpose: "threads that start during the capture")
    case .rename:
      Row(
        "task", "task_rename", RecordReading(.rename, subject: "pid", text: "newcomm"),
        purpose: "threads that change their name during the capture")
    case .exit:
      Row(
        "sched", "sched_process_exit", RecordReading(.exit, subject: "pid"),
        purpose: "threads that end during the capture")
    case .exec:
      Row(
        "sched", "sched_process_exec", RecordReading(.exec, subject: "pid", detail: "old_pid"),
        purpose: "programs that replace themselves during the capture")
    }
  }

  /// The tracepoint's system and name.
  package var name: EventName { row.name }

  /// What the report lacks without it.
  package var purpose: String { row.purpose }

  /// How its records are read.
  package var reading: RecordReading { row.reading }

  /// Whether it is recorded in windows only, where a start trigger opens them: it comes with every syscall or interrupt.
  package var isGated: Bool { row.isGated }

  /// Whether there is nothing to report without this event; without any other one a section is missing.
  package var isEssential: Bool { row.isEssential }
}
