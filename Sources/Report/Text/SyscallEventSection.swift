internal import Aggregator
internal import TraceModel

/// Slow syscalls with their stacks: one by one, as kernel_delay.py prints them, or folded.
enum SyscallEventSection {
  private static let frameIndent = String(repeating: " ", count: 10)

  /// Writes the section's lines one by one.
  static func write(_ sample: Sample, _ grouping: SyscallGrouping, _ line: (String) -> Void) {
    guard !sample.snapshot.syscallEvents.isEmpty else { return }
    if grouping.applies(to: sample.snapshot.syscallEvents.count) {
      writeGroups(sample, line)
    } else {
      writeEvents(sample, line)
      writeWaits(sample, line)
    }
    if sample.snapshot.syscallEventsLeftOut > 0 {
      let more = Columns.grouped(sample.snapshot.syscallEventsLeftOut)
      line("# WARNING: \(more) more were left out; use a larger threshold.")
    }
    for text in StackLossSection.lines(sample) { line(text) }
  }

  // MARK: One by one

  private static func writeEvents(_ sample: Sample, _ line: (String) -> Void) {
    let widths = [19, 19, 10, 16, 10, 16]
    let head = [
      "", "# SYSCALL EVENTS:",
      "  \(Columns.right("ENTRY (ns)", 19)) \(Columns.right("EXIT (ns)", 19)) \(Columns.right("TID", 10)) "
        + "\(Columns.left("COMM", 16)) \(Columns.right("DELTA (us)", 10))  SYSCALL",
      "  " + widths.prefix(5).map { String(repeating: "-", count: $0) }.joined(separator: " ") + "  "
        + String(repeating: "-", count: widths[5]),
    ]
    for text in head { line(text) }
    for (index, event) in sample.snapshot.syscallEvents.enumerated() {
      line(
        "  \(Columns.right(event.entry, 19)) \(Columns.right(event.exit, 19)) \(task(event, sample)) "
          + "\(Columns.right(Columns.grouped((event.exit - event.entry) / 1000), 10))  \(name(index, sample))")
      for text in frames(sample.stacks.stacks(ofEvent: index), sample) { line(text) }
    }
  }

  private static func task(_ event: SyscallEvent, _ sample: Sample) -> String {
    "\(Columns.right(String(event.tid), 10)) \(Columns.left(Columns.printable(sample.names[event.name]), 16))"
  }

  /// The syscall's name, with a question mark where it may be another one, see `Sample.namesAreUncertain`.
  private static func name(_ index: Int, _ sample: Sample) -> String {
    let event = sample.snapshot.syscallEvents[index]
    return SyscallNames.name(event.number, abi: event.abi) + (sample.isNameUncertain(ofEvent: index) ? "?" : "")
  }

  /// The lines of a syscall's stacks: the kernel's frames first, then the program's.
  private static func frames(_ stacks: EventStacks, _ sample: Sample) -> [String] {
    var lines = (sample.stacks.stack(stacks.kernel) + sample.stacks.stack(stacks.user)).map { frameIndent + $0.text }
    switch stacks.userEnd {
    case .complete, .notSampled: break
    case .lost: lines.append(frameIndent + "[no stack: its sample was lost]")
    case .notKept: lines.append(frameIndent + "[no stack: there are more than --stack-trace-size]")
    case .truncated: lines.append(frameIndent + "[truncated: the stack goes on, see --stack-dump-size]")
    case .framePointers: lines.append(frameIndent + "[as far as frame pointers lead]")
    default: lines.append(frameIndent + "[the stack ends here: \(stacks.userEnd.rawValue)]")
    }
    return lines
  }

  // MARK: What each waited for

  private static func writeWaits(_ sample: Sample, _ line: (String) -> Void) {
    guard !sample.snapshot.syscallWaits.isEmpty else { return }
    line("")
    line("# SYSCALL WAITS (what the syscalls above waited for, worst first):")
    for (index, event) in sample.snapshot.syscallEvents.enumerated() where event.waitCount > 0 {
      let division = division([event], sample)
      line("  \(Columns.right(event.entry, 19)) \(task(event, sample)) \(name(index, sample)): \(division)")
      for text in waitLines([event], sample) { line(text) }
    }
  }

  /// What the time of these syscalls was made of.
  private static func division(_ events: [SyscallEvent], _ sample: Sample) -> String {
    var (total, blocked, ready) = (UInt64(0), UInt64(0), UInt64(0))
    var isCut = false
    for event in events {
      total += event.exit - event.entry
      for wait in sample.snapshot.syscallWaits[Sample.waits(of: event)] {
        blocked += wait.blocked
        ready += wait.ready
        isCut = isCut || wait.isCut
      }
    }
    let running = total - min(total, blocked + ready)
    return
      "\(Columns.grouped(running)) ns on a CPU\(isCut ? " or unknown" : ""), \(Columns.grouped(blocked)) ns blocked, "
      + "\(Columns.grouped(ready)) ns ready"
  }

  private static func waitLines(_ events: [SyscallEvent], _ sample: Sample) -> [String] {
    var lines = WaitSummary.of(events.map { Sample.waits(of: $0) }, sample).map { "      " + $0.text(sample) }
    let leftOut = events.reduce(0) { $0 + UInt64($1.waitsLeftOut) }
    if leftOut > 0 { lines.append("      \(Columns.grouped(leftOut)) more waits were left out") }
    return lines
  }

  // MARK: Folded

  private static func writeGroups(_ sample: Sample, _ line: (String) -> Void) {
    let widths = [8, 15, 12, 19, 10, 16]
    let groups = SyscallGroup.of(sample)
    let events = sample.snapshot.syscallEvents
    let head = [
      "",
      "# SYSCALL EVENTS by syscall and user stack, most time first (\(Columns.grouped(UInt64(events.count))) events, "
        + "\(Columns.grouped(UInt64(groups.count))) groups; --no-group-stacks lists each):",
      "  \(Columns.right("COUNT", 8)) \(Columns.right("TOTAL (us)", 15)) \(Columns.right("MAX (us)", 12)) "
        + "\(Columns.right("WORST ENTRY (ns)", 19)) \(Columns.right("TID", 10)) \(Columns.left("COMM", 16))  SYSCALL",
      "  " + widths.map { String(repeating: "-", count: $0) }.joined(separator: " ") + "  "
        + String(repeating: "-", count: 16),
    ]
    for text in head { line(text) }
    for group in groups {
      let worst = events[group.worst]
      line(
        "  \(Columns.right(UInt64(group.events.count), 8)) \(Columns.right(Columns.grouped(group.total / 1000), 15)) "
          + "\(Columns.right(Columns.grouped(group.longest / 1000), 12)) \(Columns.right(worst.entry, 19)) "
          + "\(task(worst, sample))  \(name(group.worst, sample))")
      for text in frames(sample.stacks.stacks(ofEvent: group.worst), sample) { line(text) }
      let members = group.members(of: events)
      if members.contains(where: { $0.waitCount > 0 }) {
        line("      all of them: \(division(members, sample))")
        for text in waitLines(members, sample) { line(text) }
      }
    }
  }
}

/// When slow syscalls are folded by stack.
package enum SyscallGrouping: Sendable, Equatable {
  case always
  case never
  /// They are folded where there are more than this.
  case above(Int)

  func applies(to count: Int) -> Bool {
    switch self {
    case .always: true
    case .never: false
    case .above(let limit): count > limit
    }
  }
}

/// The section that says how many stacks are owed and not shown, and why.
enum StackLossSection {
  static func lines(_ sample: Sample) -> [String] {
    let stacks = sample.stacks
    var lines = stacks.notes.map { "# NOTE: \($0)" }
    let (lost, notKept) = (stacks.missing(.lost), stacks.missing(.notKept))
    guard lost + notKept > 0 else { return lines }
    lines.append("# WARNING: We were not able to display \(lost + notKept) stack traces!")
    if notKept > 0 {
      lines.append("#          \(notKept): more distinct stacks than are kept; use a larger --stack-trace-size.")
    }
    if lost > 0 { lines.append("#          \(lost): \(reason(stacks))") }
    return lines
  }

  private static func reason(_ stacks: SyscallStacks) -> String {
    let loss = stacks.loss
    let onlyRemedy = stacks.thresholdHelps ? nil : "with perf events there are fewer of them"
    if loss.samples > 0 {
      let remedy = onlyRemedy ?? "use a larger threshold for -s"
      return "the kernel dropped \(Columns.grouped(loss.samples)) stack samples; \(remedy)."
    }
    if stacks.dropped > 0 {
      let remedy = onlyRemedy ?? "use a larger threshold, or a smaller --stack-dump-size"
      return "\(Columns.grouped(stacks.dropped)) samples had no room; \(remedy)."
    }
    if loss.throttled > 0 {
      return "the kernel stopped the clock \(Columns.grouped(loss.throttled)) times; raise "
        + "kernel.perf_event_max_sample_rate."
    }
    return "no sample was taken of them."
  }
}
