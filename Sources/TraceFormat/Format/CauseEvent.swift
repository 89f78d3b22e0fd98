internal import TraceModel

/// The tracepoints that `--blame` records of the target's threads, besides those of `TracedEvent`: one row each. No kernel has to
/// have them.
package enum CauseEvent: CaseIterable, Sendable {
  case pageFault
  case reclaimBegin, reclaimEnd, groupReclaimBegin, groupReclaimEnd
  case compactionBegin, compactionEnd
  case contentionBegin, contentionEnd
  case diskRequest

  /// All that is to be said about one tracepoint.
  private struct Row {
    let name: EventName
    let purpose: String
    let reading: RecordReading

    init(_ system: String, _ name: String, _ reading: RecordReading, purpose: String) {
      self.name = EventName(system, name)
      self.reading = reading
      self.purpose = purpose
    }
  }

  private var row: Row {
    switch self {
    case .pageFault:
      Row(
        "exceptions", "page_fault_user", RecordReading(.pageFault, value: "address"),
        purpose: "page faults outside of syscalls")
    case .reclaimBegin:
      Row(
        "vmscan", "mm_vmscan_direct_reclaim_begin", .activity(.activityBegin, .reclaim),
        purpose: "time in which threads free memory themselves")
    case .reclaimEnd:
      Row(
        "vmscan", "mm_vmscan_direct_reclaim_end", .activity(.activityEnd, .reclaim),
        purpose: "time in which threads free memory themselves")
    case .groupReclaimBegin:
      Row(
        "vmscan", "mm_vmscan_memcg_reclaim_begin", .activity(.activityBegin, .reclaim),
        purpose: "time in which threads free memory of their control group")
    case .groupReclaimEnd:
      Row(
        "vmscan", "mm_vmscan_memcg_reclaim_end", .activity(.activityEnd, .reclaim),
        purpose: "time in which threads free memory of their control group")
    case .compactionBegin:
      Row(
        "compaction", "mm_compaction_begin", .activity(.activityBegin, .compaction),
        purpose: "time in which threads move memory together")
    case .compactionEnd:
      Row(
        "compaction", "mm_compaction_end", .activity(.activityEnd, .compaction),
        purpose: "time in which threads move memory together")
    case .contentionBegin:
      Row("lock", "contention_begin", .contentionBegin, purpose: "time in which threads spin for locks of the kernel")
    case .contentionEnd:
      Row(
        "lock", "contention_end", .activity(.activityEnd, .lock, value: "lock_addr"),
        purpose: "time in which threads spin for locks of the kernel")
    case .diskRequest:
      Row(
        "block", "block_rq_issue", RecordReading(.diskRequest, subject: "dev"), purpose: "which disk a thread waits for"
      )
    }
  }

  /// The tracepoint's system and name.
  package var name: EventName { row.name }

  /// What the causes lack without it.
  package var purpose: String { row.purpose }

  /// How its records are read.
  package var reading: RecordReading { row.reading }

  /// `ftrace:kernel_stack`, which the trigger `stacktrace` writes behind a switch: it has a format, but is not to be enabled.
  package static let kernelStack = EventName("ftrace", "kernel_stack")
}

/// The tracepoints that `--blame` records of the whole machine: those of `TracedEvent`, read as events of their own kinds.
package enum MachineEvent: CaseIterable, Sendable {
  case contextSwitch, waking, hardIRQEntry, hardIRQExit, softIRQEntry, softIRQExit

  /// The tracepoint.
  package var event: TracedEvent {
    switch self {
    case .contextSwitch: .contextSwitch
    case .waking: .waking
    case .hardIRQEntry: .hardIRQEntry
    case .hardIRQExit: .hardIRQExit
    case .softIRQEntry: .softIRQEntry
    case .softIRQExit: .softIRQExit
    }
  }

  /// How its records are read.
  package var reading: RecordReading {
    var reading = event.reading
    switch self {
    case .contextSwitch: return .machineSwitch
    case .waking: reading.kind = .machineWaking
    case .hardIRQEntry: reading.kind = .machineHardIRQEntry
    case .hardIRQExit: reading.kind = .machineHardIRQExit
    case .softIRQEntry: reading.kind = .machineSoftIRQEntry
    case .softIRQExit: reading.kind = .machineSoftIRQExit
    }
    return reading
  }

  /// What the causes lack without it.
  package var purpose: String {
    switch self {
    case .contextSwitch: "which tasks had the CPUs"
    case .waking: "which tasks end the waits of other processes' tasks"
    case .hardIRQEntry, .hardIRQExit, .softIRQEntry, .softIRQExit: "how long interrupts had the CPUs"
    }
  }
}
