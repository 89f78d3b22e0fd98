internal import Aggregator
internal import Session
internal import TraceModel

/// The members of the JSON report that tell of one thread.
enum ThreadTable {
  static let table = JSONTable<ThreadView>(
    "thread",
    [
      .number("tid", "The thread id") { Int64($0.thread.tid) },
      .number("pid", "The process that the thread belongs to") { Int64($0.window.result.pid(of: $0.thread)) },
      .text("comm", "The thread's name") { $0.window.result.names[$0.thread.name] },
      .list("syscalls", syscall, "The syscalls that began and ended in the window, most time first") { view in
        let isUncertain = view.window.result.isUncertain(view.thread)
        return view.thread.syscallsByTotal.map { SyscallView(syscall: $0, isUncertain: isUncertain) }
      },
      .optionalObject("long_poll", minMax, "From the end of one poll to the begin of the next") {
        seen($0.thread.longPoll)
      },
      .optionalObject("run", minMax, "Times on a CPU, from one switch to the next") { seen($0.thread.run) },
      .optionalObject("ready", max, "Waits for a CPU, from the wake-up or preemption on") { seen($0.thread.ready) },
      .optionalObject("stopped", max, "Times in which a signal or a tracer stopped it") { seen($0.thread.stopped) },
      .list("hard_irqs", hardIRQ, "Hard interrupts that came while it ran, most time first") { view in
        view.thread.hardIRQs.byTotal.map { InterruptView(interrupt: $0, window: view.window) }
      },
      .list("soft_irqs", softIRQ, "Soft interrupts that came while it ran, most time first") { view in
        view.thread.softIRQs.byTotal.map { InterruptView(interrupt: $0, window: view.window) }
      },
      .object("accounting", accounting, "Where its life in the window went; the states add up to lifetime_ns") {
        $0.thread.accounting
      },
      .list(
        "causes", CauseTable.table, "Why it did not run its own code, most time first; of each state they add up to it"
      ) {
        $0.causes.causes
      },
      .optionalObject(
        "in_progress", CauseTable.inProgress, "What it was still in when the window ended; null for nothing"
      ) {
        view in
        view.causes.inProgress.map { InProgressView(call: $0, window: view.window) }
      },
      .object("page_faults", CauseTable.pageFaults, "Page faults, whose time is part of other members") {
        $0.causes.pageFaults
      },
      .object(
        "probe_overhead", probes, "Syscalls that probes made amid the thread's own code; their time is part of user_ns"
      ) {
        $0.thread.probes
      },
      .nanoseconds(
        "recording_ns",
        "An estimate of what recording cost the thread, a part of user_ns; 0 if recording_cost_ns is null"
      ) { $0.thread.recordingTime($0.window.result.recordingCost) ?? 0 },
    ])

  /// The statistic; nil where it has no interval: the report has null for it.
  private static func seen(_ statistic: IntervalStatistic) -> IntervalStatistic? {
    statistic.count > 0 ? statistic : nil
  }

  // MARK: Intervals

  private static func counts<Source>(
    _ statistic: @escaping @Sendable (Source) -> IntervalStatistic
  ) -> [JSONField<Source>] {
    sums(statistic) + [.nanoseconds("max_ns", "The longest one") { statistic($0).max }]
  }

  private static func sums<Source>(
    _ statistic: @escaping @Sendable (Source) -> IntervalStatistic
  ) -> [JSONField<Source>] {
    [
      .count("count", "How many there were") { statistic($0).count },
      .nanoseconds("total_ns", "All of them together") { statistic($0).total },
    ]
  }

  private static let probes = JSONTable<IntervalStatistic>(sums { $0 })
  private static let max = JSONTable<IntervalStatistic>("max", counts { $0 })

  private static let minMax = JSONTable<IntervalStatistic>(
    "min_max",
    sums { $0 },
    [
      .nanoseconds("min_ns", "The shortest one") { $0.min }, .nanoseconds("max_ns", "The longest one") { $0.max },
    ])

  private static let syscall = JSONTable<SyscallView>(
    [
      .text("name", "The syscall's name") { SyscallNames.name($0.syscall.number, abi: $0.syscall.abi) },
      .number("number", "The syscall's number", minimum: nil) { Int64($0.syscall.number) },
    ], counts { $0.syscall.durations },
    [
      .nanoseconds("p50_ns", "The median duration, at most 1/32 too long") { $0.syscall.p50 },
      .nanoseconds("p90_ns", "The duration that nine in ten do not exceed, at most 1/32 too long") { $0.syscall.p90 },
      .nanoseconds("p99_ns", "The duration that 99 in 100 do not exceed, at most 1/32 too long") { $0.syscall.p99 },
      .count("errors", "Calls that returned an error, interrupted ones included") { $0.syscall.errors },
      .flag("name_uncertain", "Whether the program has made 32-bit calls too, whose numbers mean other syscalls") {
        $0.isUncertain && $0.syscall.abi.compat != nil
      },
    ])

  private static let hardIRQ = JSONTable<InterruptView>(
    [
      .text("name", "The handler's name") { $0.window.result.names[$0.interrupt.name] },
      .number("irq", "The interrupt's number") { Int64($0.interrupt.number) },
    ], counts { $0.interrupt.durations })

  private static let softIRQ = JSONTable<InterruptView>(
    [
      .text("name", "The vector's name") { $0.interrupt.vectorName },
      .number("vector", "The vector's number") { Int64($0.interrupt.number) },
    ], counts { $0.interrupt.durations })

  // MARK: Accounting

  private static let accounting = JSONTable<Accounting>(
    AccountingState.allCases.map { state in
      .nanoseconds(state.word + "_ns", text(of: state)) { $0[state] }
    }, [.nanoseconds("lifetime_ns", "How long the thread lived in the window") { $0.lifetime }])

  private static func text(of state: AccountingState) -> String {
    switch state {
    case .user: "On a CPU, outside syscalls and interrupts"
    case .syscall: "On a CPU inside a syscall, without the interrupts that came there"
    case .hardIRQ: "On a CPU in a hard interrupt, also one inside a soft interrupt"
    case .softIRQ: "On a CPU in a soft interrupt"
    case .ready: "Ready to run, without a CPU"
    case .blockedInterruptible:
      "Waiting for what a signal can interrupt: a timer, a lock, input"
    case .blockedUninterruptible:
      "Waiting inside the kernel, mostly for a disk or a lock"
    case .stopped: "Stopped by a signal or by a tracer"
    case .unknown: "Not known: no event tells"
    }
  }
}
