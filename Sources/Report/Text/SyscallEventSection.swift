internal import Aggregator
internal import Session
internal import TraceModel

/// Slow syscalls with their stacks: one by one, as kernel_delay.py prints them, or folded.
enum SyscallEventSection {
  private static let frameIndent = String(repeating: " ", count: 10)

  /// Writes the section's lines one by one.
  static func write(_ result: WindowResult, _ grouping: SyscallGrouping, _ line: (String) -> Void) {
    guard !result.slowSyscalls.isEmpty else { return }
    if grouping.applies(to: result.slowSyscalls.count) {
      writeGroups(result, line)
    } else {
      writeEvents(result, line)
      writeWaits(result, line)
    }
    if result.snapshot.syscallEventsLeftOut > 0 {
      let more = Columns.grouped(result.snapshot.syscallEventsLeftOut)
      line("# WARNING: \(more) more were left out; use a larger threshold.")
    }
    for text in StackLossSection.lines(result) { line(text) }
  }

  // MARK: One by one

  private static func writeEvents(_ result: WindowResult, _ line: (String) -> Void) {
    let widths = [19, 19, 10, 16, 10, 16]
    let head = [
      "", "# SYSCALL EVENTS:",
      "  \(Columns.right("ENTRY (ns)", 19)) \(Columns.right("EXIT (ns)", 19)) \(Columns.right("TID", 10)) "
        + "\(Columns.left("COMM", 16)) \(Columns.right("DELTA (us)", 10))  SYSCALL",
      "  " + widths.prefix(5).map { String(repeating: "-", count: $0) }.joined(separator: " ") + "  "
        + String(repeating: "-", count: widths[5]),
    ]
    for text in head { line(text) }
    for slow in result.slowSyscalls {
      let call = slow.call
      line(
        "  \(Columns.right(call.entry, 19)) \(Columns.right(call.exit, 19)) \(task(call, result)) "
          + "\(Columns.right(Columns.grouped(call.duration / 1000), 10))  \(name(slow, result))")
      for text in frames(slow, result) { line(text) }
    }
  }

  private static func task(_ event: SyscallEvent, _ result: WindowResult) -> String {
    "\(Columns.right(String(event.tid), 10)) \(Columns.left(Columns.printable(result.names[event.name]), 16))"
  }

  /// The syscall's name, with a question mark where it may be another one, see `WindowResult.uncertainProcesses`.
  private static func name(_ slow: SlowSyscall, _ result: WindowResult) -> String {
    SyscallNames.name(slow.call.number, abi: slow.call.abi) + (result.isNameUncertain(of: slow) ? "?" : "")
  }

  /// The lines of a syscall's stacks: the kernel's frames first, then the program's.
  private static func frames(_ slow: SlowSyscall, _ result: WindowResult) -> [String] {
    let frames = result.frames(of: slow.kernelStack) + result.frames(of: slow.userStack)
    var lines = frames.map { frameIndent + $0.text }
    switch slow.userStackEnd {
    case .complete, .notSampled: break
    case .lost: lines.append(frameIndent + "[no stack: its sample was lost]")
    case .notKept: lines.append(frameIndent + "[no stack: there are more than --stack-trace-size]")
    case .truncated: lines.append(frameIndent + "[truncated: the stack goes on, see --stack-dump-size]")
    case .framePointers: lines.append(frameIndent + "[as far as frame pointers lead]")
    default: lines.append(frameIndent + "[the stack ends here: \(slow.userStackEnd.rawValue)]")
    }
    return lines
  }

  // MARK: What each waited for

  private static func writeWaits(_ result: WindowResult, _ line: (String) -> Void) {
    let waiting = result.slowSyscalls.filter { !$0.waits.isEmpty }
    if waiting.isEmpty { return }
    line("")
    line("# SYSCALL WAITS (what the syscalls above waited for, worst first):")
    for slow in waiting {
      line(
        "  \(Columns.right(slow.call.entry, 19)) \(task(slow.call, result)) \(name(slow, result)): \(division([slow]))")
      for text in waitLines([slow], result) { line(text) }
    }
  }

  /// What the time of these syscalls was made of.
  private static func division(_ calls: [SlowSyscall]) -> String {
    var (total, blocked, ready) = (UInt64(0), UInt64(0), UInt64(0))
    var isCut = false
    for slow in calls {
      total += slow.call.duration
      for wait in slow.waits.lazy.map(\.wait) {
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

  private static func waitLines(_ calls: [SlowSyscall], _ result: WindowResult) -> [String] {
    var lines = WaitSummary.of(calls.lazy.flatMap(\.waits), result).map { "      " + $0.text(result) }
    let leftOut = calls.reduce(0) { $0 + UInt64($1.call.waitsLeftOut) }
    if leftOut > 0 { lines.append("      \(Columns.grouped(leftOut)) more waits were left out") }
    return lines
  }

  // MARK: Folded

  private static func writeGroups(_ result: WindowResult, _ line: (String) -> Void) {
    let widths = [8, 15, 12, 19, 10, 16]
    let groups = SyscallGroup.of(result)
    let head = [
      "",
      "# SYSCALL EVENTS by syscall and user stack, most time first (\(Columns.grouped(UInt64(result.slowSyscalls.count))) events, "
        + "\(Columns.grouped(UInt64(groups.count))) groups; --no-group-stacks lists each):",
      "  \(Columns.right("COUNT", 8)) \(Columns.right("TOTAL (us)", 15)) \(Columns.right("MAX (us)", 12)) "
        + "\(Columns.right("WORST ENTRY (ns)", 19)) \(Columns.right("TID", 10)) \(Columns.left("COMM", 16))  SYSCALL",
      "  " + widths.map { String(repeating: "-", count: $0) }.joined(separator: " ") + "  "
        + String(repeating: "-", count: 16),
    ]
    for text in head { line(text) }
    for group in groups {
      let worst = group.worst.call
      line(
        "  \(Columns.right(UInt64(group.members.count), 8)) \(Columns.right(Columns.grouped(group.total / 1000), 15)) "
          + "\(Columns.right(Columns.grouped(worst.duration / 1000), 12)) \(Columns.right(worst.entry, 19)) "
          + "\(task(worst, result))  \(name(group.worst, result))")
      for text in frames(group.worst, result) { line(text) }
      if group.members.contains(where: { !$0.waits.isEmpty }) {
        line("      all of them: \(division(group.members))")
        for text in waitLines(group.members, result) { line(text) }
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
  static func lines(_ result: WindowResult) -> [String] {
    guard let stacks = result.stacks else { return [] }
    var lines = stacks.notes.map { "# NOTE: \($0)" }
    let (lost, notKept) = (result.missing(.lost), result.missing(.notKept))
    guard lost + notKept > 0 else { return lines }
    lines.append("# WARNING: We were not able to display \(lost + notKept) stack traces!")
    if notKept > 0 {
      lines.append("#          \(notKept): more distinct stacks than are kept; use a larger --stack-trace-size.")
    }
    if lost > 0 { lines.append("#          \(lost): \(reason(stacks))") }
    return lines
  }

  private static func reason(_ stacks: WindowStacks) -> String {
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
