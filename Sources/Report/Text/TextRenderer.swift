internal import Aggregator
package import Session
internal import TraceModel

/// The text report: the verdict, kernel_delay.py's lines column for column, then what this tool adds in sections of its own.
package struct TextRenderer: Renderer {
  private let grouping: SyscallGrouping
  private let foldsThreads: Bool

  /// `grouping` says when slow syscalls are folded; for `foldsThreads` see `ThreadFolding`.
  package init(grouping: SyscallGrouping = .never, foldsThreads: Bool = true) {
    self.grouping = grouping
    self.foldsThreads = foldsThreads
  }

  private static let indent = String(repeating: " ", count: 28)

  package mutating func window(_ result: WindowResult, _ output: inout ByteOutput) {
    let rows = rows(result)
    for line in VerdictSection.lines(Verdict(result)) { output.line(line) }
    for line in Self.statistics(result, rows) { output.line(line) }
    SyscallEventSection.write(result, grouping) { output.line($0) }
    var lines = result.upcalls.map { UpcallSection.lines($0) } ?? []
    lines += LatencySection.lines(rows, result)
    lines += ProbeSection.lines(rows)
    let hasMore =
      result.startTrigger != nil || result.stopTrigger != nil
      || result.stacks.map { _ in !result.slowSyscalls.isEmpty } ?? false
    lines += AccountingSection.lines(rows, recordingCost: result.recordingCost, hasMore: hasMore)
    lines += CauseSection.lines(rows, result)
    lines += InProgressSection.lines(rows, result)
    lines += PageFaultSection.lines(rows)
    lines += CriticalPathSection.lines(result)
    lines += MachineSection.lines(result)
    lines += ChildrenSection.lines(result.snapshot.childrenNotWatched)
    lines += NotRecordedSection.lines(result.notRecorded)
    lines += LossSection.lines(result)
    for line in lines { output.line(line) }
  }

  private func rows(_ result: WindowResult) -> [ThreadRow] {
    let (threads, processes) = (result.threads, result.severalProcesses)
    let causes = result.causes.isEmpty ? [] : result.threadOrder.map { result.causes(at: $0) }
    return foldsThreads
      ? ThreadFolding.rows(
        threads, result.names, causes: causes, processes: processes, recordingCost: result.recordingCost)
      : ThreadFolding.single(
        threads, result.names, causes: causes, processes: processes, recordingCost: result.recordingCost)
  }

  private static func statistics(_ result: WindowResult, _ rows: [ThreadRow]) -> [String] {
    var lines = Self.edges(result) + OccurrenceLines.lines(result)
    if result.startTrigger != nil, result.stopTrigger != nil {
      lines.append("# Triggered sample dump, stop-start delta \(Self.delta(result)) ns @\(result.dumped)")
    } else {
      lines.append("# Sample dump @\(result.dumped)")
    }
    if rows.contains(where: { $0.fold != nil }) {
      let processes = result.snapshot.processes.count
      lines.append(
        "# \(Columns.grouped(UInt64(result.snapshot.threads.count))) threads"
          + (processes > 1 ? " of \(Columns.grouped(UInt64(processes))) processes" : "")
          + ": those of one name are folded, what lost the most time comes first; --all-threads shows each.")
    }
    lines += [
      "\(Columns.left("TID", 10)) \(Columns.left("THREAD", 16)) <RESOURCE SPECIFIC>",
      [10, 16, 76].map { String(repeating: "-", count: $0) }.joined(separator: " "),
    ]
    return lines + rows.lines { Self.lines(of: $0, result) + [""] }.dropLast()
  }

  package mutating func skipped(_ result: WindowResult, _ output: inout ByteOutput) {
    for line in Self.edges(result) { output.line(line) }
    output.line("# Sample dump skipped, delta \(Self.delta(result)) ns @\(result.dumped)")
  }

  /// The lines that say when the window began and ended, and by what.
  private static func edges(_ result: WindowResult) -> [String] {
    func edge(_ word: String, _ trigger: String?, _ time: UInt64, _ shown: String) -> String {
      "# \(word) sampling \(trigger == nil ? "" : "(trigger@\(time)) ")@\(shown)"
    }
    return [
      edge("Start", result.startTrigger, result.snapshot.start, result.started),
      edge("Stop", result.stopTrigger, result.snapshot.stop, result.stopped),
    ]
  }

  private static func delta(_ result: WindowResult) -> String {
    Columns.grouped(result.snapshot.stop - result.snapshot.start)
  }

  // MARK: The sections of kernel_delay.py

  private struct Section {
    var title: String
    var lines: [String]
  }

  /// The lines of a row's sections. Its tid and name stand on the line of the first one.
  private static func lines(of row: ThreadRow, _ result: WindowResult) -> [String] {
    let (thread, names) = (row.thread, result.names)
    var sections = [
      row.fold.map { folded($0, thread.accounting) },
      syscalls(thread, isUncertain: result.isUncertain(thread)),
      longPoll(thread.longPoll),
      run(thread.run),
      ready(thread.ready),
      stopped(thread.stopped),
      hardIRQs(thread.hardIRQs, names),
      softIRQs(thread.softIRQs),
    ].compactMap { $0 }
    var head = "\(Columns.right(row.label, 10)) \(Columns.left(row.name, 16)) "
    if sections.isEmpty, let call = inProgress(row, result) { sections = [call] }
    guard !sections.isEmpty else { return [head + "[NO EVENTS]"] }
    var lines: [String] = []
    for section in sections {
      lines.append(head + section.title)
      lines += section.lines.map { indent + $0 }
      lines.append("")
      head = indent
    }
    lines.removeLast()
    return lines
  }

  /// The section of a thread without any interval: the call that it was in all the time, where that is known.
  private static func inProgress(_ row: ThreadRow, _ result: WindowResult) -> Section? {
    guard let call = row.causes.first?.inProgress else { return nil }
    return Section(
      title: "[IN PROGRESS]",
      lines: [
        "\(Columns.left("NAME", 20)) \(head("STATE", 9))  \(head("SO FAR ns"))",
        "\(Columns.cut(call.text, 20)) \(head(call.state.title, 9))  "
          + Columns.nanoseconds(call.soFar(at: result.snapshot.stop)),
      ])
  }

  private static func folded(_ fold: ThreadRow.Fold, _ accounting: Accounting) -> Section {
    let (all, worst) = (ThreadRow.lost(accounting), ThreadRow.lost(fold.worst.accounting))
    return Section(
      title: "[FOLDED THREADS]",
      lines: [
        "\(head("THREADS", 10))  \(head("LOST ns"))  \(head("MAX LOST ns"))  \(head("BY TID", 10))",
        "\(Columns.right(UInt64(fold.count), 10))  \(Columns.nanoseconds(all))  \(Columns.nanoseconds(worst))  "
          + Columns.right(String(fold.worst.tid), 10),
      ])
  }

  private static func syscalls(_ thread: ThreadSnapshot, isUncertain: Bool) -> Section? {
    guard !thread.syscalls.isEmpty else { return nil }
    var lines = [
      "\(Columns.left("NAME", 20)) \(Columns.right("NUMBER", 6))  \(head("COUNT", 10))  \(head("TOTAL ns"))  \(head("MAX ns"))"
    ]
    var count: UInt64 = 0
    var total: UInt64 = 0
    for syscall in thread.syscallsByTotal {
      let durations = syscall.durations
      lines.append(
        "\(Columns.cut(syscall.name(isUncertain: isUncertain), 20)) \(Columns.right(String(syscall.number), 6))  "
          + "\(Columns.right(durations.count, 10))  \(Columns.nanoseconds(durations.total))  \(Columns.nanoseconds(durations.max))"
      )
      if syscall.number != syscall.abi.pollNumber {
        count += durations.count
        total += durations.total
      }
    }
    if count > 0 {
      lines.append(
        "\(Columns.left("TOTAL( - poll):", 27))  \(Columns.right(count, 10))  \(Columns.nanoseconds(total))")
    }
    return Section(title: "[SYSCALL STATISTICS]", lines: lines)
  }

  /// A section of one line: how many intervals there were, and the columns, ns. Nil where there was none.
  private static func intervals(
    _ title: String, _ statistic: IntervalStatistic, count: String = "SCHED_CNT", _ columns: [(String, UInt64)]
  ) -> Section? {
    guard statistic.count > 0 else { return nil }
    return Section(
      title: title,
      lines: [
        ([head(count, 10)] + columns.map { head("\($0.0) ns") }).joined(separator: "  "),
        ([Columns.right(statistic.count, 10)] + columns.map { Columns.nanoseconds($0.1) }).joined(separator: "  "),
      ])
  }

  private static func longPoll(_ polls: IntervalStatistic) -> Section? {
    intervals(
      "[LONG POLL STATISTICS]", polls, count: "COUNT",
      [("AVERAGE", polls.total / max(polls.count, 1)), ("MIN", polls.min), ("MAX", polls.max)])
  }

  private static func run(_ runs: IntervalStatistic) -> Section? {
    intervals("[THREAD RUN STATISTICS]", runs, [("TOTAL", runs.total), ("MIN", runs.min), ("MAX", runs.max)])
  }

  private static func ready(_ waits: IntervalStatistic) -> Section? {
    intervals("[THREAD READY STATISTICS]", waits, [("TOTAL", waits.total), ("MAX", waits.max)])
  }

  private static func stopped(_ stops: IntervalStatistic) -> Section? {
    intervals(
      "[THREAD STOPPED STATISTICS]", stops, count: "STOP_CNT", [("TOTAL", stops.total), ("MAX", stops.max)])
  }

  private static func hardIRQs(_ irqs: [IRQSnapshot], _ names: NameTable) -> Section? {
    guard !irqs.isEmpty else { return nil }
    var lines = ["\(Columns.left("NAME", 20))  \(head("COUNT", 10))  \(head("TOTAL ns"))  \(head("MAX ns"))"]
    for irq in irqs.byTotal {
      lines.append("\(Columns.cut(Columns.printable(names[irq.name]), 20))  \(counts(irq.durations))")
    }
    lines.append("\(Columns.left("TOTAL:", 20))  \(sum(irqs))")
    return Section(title: "[HARD IRQ STATISTICS]", lines: lines)
  }

  private static func softIRQs(_ irqs: [IRQSnapshot]) -> Section? {
    guard !irqs.isEmpty else { return nil }
    var lines = [
      "\(Columns.left("NAME", 20)) \(head("VECT_NR", 7))  \(head("COUNT", 10))  \(head("TOTAL ns"))  \(head("MAX ns"))"
    ]
    for irq in irqs.byTotal {
      lines.append(
        "\(Columns.cut(irq.vectorName, 20)) \(Columns.right(String(irq.number), 7))  \(counts(irq.durations))")
    }
    lines.append("\(Columns.left("TOTAL:", 28))  \(sum(irqs))")
    return Section(title: "[SOFT IRQ STATISTICS]", lines: lines)
  }

  private static func counts(_ statistic: IntervalStatistic) -> String {
    "\(Columns.right(statistic.count, 10))  \(Columns.nanoseconds(statistic.total))  \(Columns.nanoseconds(statistic.max))"
  }

  private static func sum(_ irqs: [IRQSnapshot]) -> String {
    let count = irqs.reduce(0) { $0 + $1.durations.count }
    let total = irqs.reduce(0) { $0 + $1.durations.total }
    return "\(Columns.right(count, 10))  \(Columns.nanoseconds(total))"
  }

  private static func head(_ title: String, _ width: Int = 16) -> String { Columns.right(title, width) }
}
