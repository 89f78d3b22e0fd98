internal import Aggregator
internal import TraceModel

/// The JSON report, one object a line; `JSONSchema` describes it.
package struct JSONRenderer: Renderer {
  package init() {}

  package static let schemaName = "kdelay-ftrace.sample/1"

  package func render(_ sample: Sample, _ write: (String) -> Void) {
    let snapshot = sample.snapshot
    let head = JSONValue.object([
      ("schema", .string(Self.schemaName)),
      (
        "target",
        .object([("pid", .integer(Int64(sample.targetPID))), ("comm", .string(sample.targetName))])
      ),
      (
        "window",
        .object([
          ("index", .integer(Int64(sample.index))),
          ("start_ns", .unsigned(snapshot.start)),
          ("stop_ns", .unsigned(snapshot.stop)),
          ("duration_ns", .unsigned(snapshot.stop - snapshot.start)),
          ("start_trigger", sample.startTrigger.map { .string($0) } ?? .null),
          ("stop_trigger", sample.stopTrigger.map { .string($0) } ?? .null),
        ])
      ),
      ("loss", Self.loss(sample)),
      ("recording_cost_ns", sample.recordingCost.map { .unsigned($0) } ?? .null),
      ("children_not_watched", .integer(Int64(snapshot.childrenNotWatched))),
      ("threads", .array(sample.threads.map { Self.thread($0, of: sample) })),
      ("upcalls", sample.upcalls.map(Self.upcalls) ?? .null),
      ("syscall_events_left_out", .unsigned(snapshot.syscallEventsLeftOut)),
      ("stack_notes", .array(sample.stacks.notes.map { .string($0) })),
    ])
    // The events are its last member.
    write(head.text.dropLast() + #","syscall_events":["#)
    SyscallEventJSON.write(sample, write)
    write("]}\n")
  }

  /// Nothing: the objects are the samples that count.
  package func renderSkipped(_ sample: Sample) -> String { "" }

  private static func upcalls(_ upcalls: UpcallStatistics) -> JSONValue {
    func members(_ count: UpcallStatistics.Count) -> [(String, JSONValue)] {
      [
        ("count", .unsigned(count.total)),
        (
          "cpus",
          .array(count.cpus.map { .object([("cpu", .integer(Int64($0.cpu))), ("count", .unsigned($0.count))]) })
        ),
      ]
    }
    return .object([
      ("total", .object(members(upcalls.total))),
      ("successful", .object(members(upcalls.successful))),
      ("failed", .object(members(upcalls.failed))),
      (
        "errors",
        .array(
          upcalls.errors.map { error in
            .object(
              [("errno", .integer(Int64(error.errno))), ("name", .string(ErrnoName.of(error.errno)))]
                + members(error.count))
          })
      ),
      ("missed", .unsigned(upcalls.missed)),
    ])
  }

  private static func loss(_ sample: Sample) -> JSONValue {
    .object([
      ("events", .unsigned(sample.loss.events)),
      ("stack_samples", .unsigned(sample.stacks.loss.samples + sample.stacks.dropped)),
      ("stacks_missing", .integer(Int64(sample.stacks.missing(.lost) + sample.stacks.missing(.notKept)))),
      ("undecodable", .unsigned(sample.loss.undecodable)),
      ("discarded_intervals", .unsigned(sample.snapshot.discardedIntervals)),
      ("missed_triggers", .unsigned(sample.snapshot.missedTriggers)),
      ("gating_uncertain", .bool(sample.gatingIsUncertain)),
      ("missing_ns", .unsigned(sample.snapshot.missingTime)),
      ("events_read", .unsigned(sample.snapshot.eventsRead)),
      ("late_events", .unsigned(sample.loss.late)),
      (
        "cpus",
        .array(
          sample.loss.eventsByCPU.sorted { $0.key < $1.key }.map {
            .object([("cpu", .integer(Int64($0.key))), ("events", .unsigned($0.value))])
          })
      ),
    ])
  }

  private static func thread(_ thread: ThreadSnapshot, of sample: Sample) -> JSONValue {
    let names = sample.names
    return .object([
      ("tid", .integer(Int64(thread.tid))),
      ("comm", .string(names[thread.name])),
      ("syscalls", .array(thread.syscallsByTotal.map { syscall($0, sample.namesAreUncertain) })),
      ("long_poll", statistic(thread.longPoll, hasMin: true)),
      ("run", statistic(thread.run, hasMin: true)),
      ("ready", statistic(thread.ready, hasMin: false)),
      ("stopped", statistic(thread.stopped, hasMin: false)),
      (
        "hard_irqs",
        .array(
          thread.hardIRQs.byTotal.map {
            .object(
              [("name", .string(names[$0.name])), ("irq", .integer(Int64($0.number)))] + counts($0.durations))
          })
      ),
      (
        "soft_irqs",
        .array(
          thread.softIRQs.byTotal.map {
            .object(
              [("name", .string($0.vectorName)), ("vector", .integer(Int64($0.number)))] + counts($0.durations))
          })
      ),
      ("accounting", accounting(thread.accounting)),
      (
        "probe_overhead",
        .object([("count", .unsigned(thread.probes.count)), ("total_ns", .unsigned(thread.probes.total))])
      ),
      ("recording_ns", .unsigned(thread.recordingTime(sample.recordingCost) ?? 0)),
    ])
  }

  private static func syscall(_ syscall: SyscallSnapshot, _ isUncertain: Bool) -> JSONValue {
    .object(
      [
        ("name", .string(SyscallNames.name(syscall.number, abi: syscall.abi))),
        ("number", .integer(Int64(syscall.number))),
      ] + counts(syscall.durations) + [
        ("p50_ns", .unsigned(syscall.p50)),
        ("p90_ns", .unsigned(syscall.p90)),
        ("p99_ns", .unsigned(syscall.p99)),
        ("errors", .unsigned(syscall.errors)),
        ("name_uncertain", .bool(isUncertain && syscall.abi.compat != nil)),
      ])
  }

  /// null where there is no interval.
  private static func statistic(_ statistic: IntervalStatistic, hasMin: Bool) -> JSONValue {
    guard statistic.count > 0 else { return .null }
    return .object(
      [("count", .unsigned(statistic.count)), ("total_ns", .unsigned(statistic.total))]
        + (hasMin ? [("min_ns", .unsigned(statistic.min))] : [])
        + [("max_ns", .unsigned(statistic.max))])
  }

  private static func counts(_ statistic: IntervalStatistic) -> [(String, JSONValue)] {
    [
      ("count", .unsigned(statistic.count)), ("total_ns", .unsigned(statistic.total)),
      ("max_ns", .unsigned(statistic.max)),
    ]
  }

  private static func accounting(_ accounting: Accounting) -> JSONValue {
    .object(
      AccountingState.allCases.map { (Self.key($0), .unsigned(accounting[$0])) }
        + [("lifetime_ns", .unsigned(accounting.lifetime))])
  }

  private static func key(_ state: AccountingState) -> String {
    switch state {
    case .user: "user_ns"
    case .syscall: "syscall_ns"
    case .hardIRQ: "hard_irq_ns"
    case .softIRQ: "soft_irq_ns"
    case .ready: "ready_ns"
    case .blockedInterruptible: "blocked_interruptible_ns"
    case .blockedUninterruptible: "blocked_uninterruptible_ns"
    case .stopped: "stopped_ns"
    case .unknown: "unknown_ns"
    }
  }
}
