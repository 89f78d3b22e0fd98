internal import Aggregator
internal import Session
internal import TraceModel

/// The section with the quantiles and errors of each syscall of each thread.
enum LatencySection {
  static func lines(_ rows: [ThreadRow], _ result: WindowResult) -> [String] {
    guard rows.contains(where: { !$0.thread.syscalls.isEmpty }) else { return [] }
    var lines = [
      "", "# SYSCALL LATENCY (quantiles at most 3.2% above the true value):",
      "\(Columns.right("TID", 10)) \(Columns.left("THREAD", 16)) \(Columns.left("NAME", 20))  "
        + ["COUNT", "ERRORS"].map { Columns.right($0, 10) }.joined(separator: "  ") + "  "
        + ["P50 ns", "P90 ns", "P99 ns", "MAX ns"].map { Columns.right($0, 14) }.joined(separator: "  "),
    ]
    lines += rows.filter { !$0.thread.syscalls.isEmpty }.lines { row in
      row.thread.syscallsByTotal.map { line($0, of: row, isUncertain: result.isUncertain(row.thread)) }
    }
    if !result.uncertainProcesses.isEmpty {
      lines.append(
        "# NOTE: this 64-bit program also makes 32-bit calls (int $0x80), which are recorded by their numbers alone: a name with a"
      )
      lines.append("#       question mark may be that of the other call with the same number.")
    }
    return lines
  }

  private static func line(_ syscall: SyscallSnapshot, of row: ThreadRow, isUncertain: Bool) -> String {
    // Quantiles of several threads cannot be had from those of each.
    let quantiles = [syscall.p50, syscall.p90, syscall.p99].map { row.fold == nil ? Columns.grouped($0) : "-" }
    let counts = [syscall.durations.count, syscall.errors].map { Columns.right($0, 10) }
    let times = (quantiles + [Columns.grouped(syscall.durations.max)]).map { Columns.right($0, 14) }
    return "\(Columns.right(row.label, 10)) \(Columns.left(row.name, 16)) "
      + "\(Columns.cut(syscall.name(isUncertain: isUncertain), 20))  "
      + (counts + times).joined(separator: "  ")
  }
}

/// The section that counts the syscalls which probes made in each thread.
enum ProbeSection {
  static func lines(_ rows: [ThreadRow]) -> [String] {
    guard rows.contains(where: { $0.thread.probes.count > 0 }) else { return [] }
    let head =
      "\(Columns.right("TID", 10)) \(Columns.left("THREAD", 16)) \(Columns.right("COUNT", 10))  "
      + "\(Columns.right("TOTAL ns", 16))  \(Columns.right("MAX ns", 16))"
    return [
      "",
      "# PROBE OVERHEAD (syscalls that probes, of any tool, made amid the thread's own code; they are part of USER):",
      head,
    ]
      + rows.filter { $0.thread.probes.count > 0 }.lines { row in
        let probes = row.thread.probes
        return [
          "\(Columns.right(row.label, 10)) \(Columns.left(row.name, 16)) \(Columns.right(probes.count, 10))  "
            + "\(Columns.nanoseconds(probes.total))  \(Columns.nanoseconds(probes.max))"
        ]
      }
  }
}

/// The section that says where each thread's life went, one line a thread.
enum AccountingSection {
  private static let states = AccountingState.allCases

  /// The section's lines. `cost` is what recording a syscall adds to USER, ns. `hasMore` says that stack samples or probes
  /// have cost more.
  static func lines(_ rows: [ThreadRow], recordingCost cost: UInt64?, hasMore: Bool) -> [String] {
    guard !rows.isEmpty else { return [] }
    let titles = states.map { Columns.right($0.title, 9) }
    var lines = [
      "", "# ACCOUNTING (every nanosecond of each thread's life in the window, in % of LIFE):",
      "\(Columns.right("TID", 10)) \(Columns.left("THREAD", 16)) \(Columns.right("LIFE ms", 12))"
        + titles[0] + Columns.right("RECORDING", 10) + titles.dropFirst().joined(),
    ]
    lines += rows.lines { row in
      let worst = row.fold.map { fold in
        line(String(fold.worst.tid), fold.worstName, fold.worst.accounting, fold.worst.recordingTime(cost))
          + "  (the worst of these)"
      }
      return [line(row.label, row.name, row.thread.accounting, row.recording)] + (worst.map { [$0] } ?? [])
    }
    let count = rows.reduce(0) { $0 + $1.threadCount }
    if count > 1 {
      lines.append(
        line(
          "ALL", "\(count) threads", rows.reduce(Accounting()) { $0 + $1.thread.accounting },
          cost.map { _ in rows.reduce(0) { $0 + ($1.recording ?? 0) } }))
    }
    lines.append(
      cost.map { "# RECORDING is what recording syscalls took of USER, an estimate: \($0) ns each on this machine." }
        ?? "# RECORDING, what recording syscalls took of USER, could not be measured.")
    if hasMore { lines.append("#           What stack samples and probes took is not in it.") }
    return lines
  }

  private static func line(_ tid: String, _ name: String, _ accounting: Accounting, _ recording: UInt64?) -> String {
    let life = accounting.lifetime
    let shares = states.map { Columns.right(share(accounting[$0], of: life), 9) }
    let ours = Columns.right(recording.map { share($0, of: life) } ?? "?", 10)
    return "\(Columns.right(tid, 10)) \(Columns.left(name, 16)) \(Columns.right(milliseconds(life), 12))"
      + shares[0] + ours + shares.dropFirst().joined()
  }

  private static func milliseconds(_ time: UInt64) -> String {
    "\(Columns.grouped(time / 1_000_000)).\(String(time % 1_000_000 / 100_000))"
  }

  /// A share in percent with one decimal. A dash is exactly nothing, and a little is never shown as nothing.
  static func share(_ part: UInt64, of whole: UInt64) -> String {
    guard part > 0, whole > 0 else { return "-" }
    // In floating point: the lives of many threads times 1000 can be too much for 64 bits.
    let tenths = UInt64((Double(part) * 1000 / Double(whole)).rounded())
    return tenths == 0 ? "<0.1" : "\(tenths / 10).\(tenths % 10)"
  }
}

/// The section that says what was missed. It is there in any case, so that a reader knows that it was looked for.
enum LossSection {
  static func lines(_ result: WindowResult) -> [String] {
    let loss = result.loss
    var lines = [""]
    if loss.events > 0 {
      let byCPU = loss.eventsByCPU.sorted { $0.key < $1.key }.map { "CPU \($0.key): \(Columns.grouped($0.value))" }
      lines.append("# WARNING: \(Columns.grouped(loss.events)) events were lost (\(byCPU.joined(separator: ", "))).")
      lines.append("#          No interval is computed across a gap; use a larger --buffer-page-count.")
    }
    if result.snapshot.missingTime > 0 {
      lines.append(
        "# WARNING: during \(Columns.grouped(result.snapshot.missingTime)) ns of the window events were missing: what is counted is too little."
      )
    }
    if result.snapshot.discardedIntervals > 0 {
      lines.append(
        "# WARNING: \(Columns.grouped(result.snapshot.discardedIntervals)) intervals were discarded: their begin or end was not recorded."
      )
    }
    if loss.undecodable > 0 {
      lines.append("# WARNING: \(Columns.grouped(loss.undecodable)) records could not be decoded.")
    }
    if result.snapshot.missedTriggers > 0 {
      lines.append(
        "# WARNING: \(Columns.grouped(result.snapshot.missedTriggers)) triggers were missed by the kernel: windows are missing or too long."
      )
    }
    if result.gatingIsUncertain {
      lines.append(
        "# WARNING: another thread's stop trigger came just before this window: its syscalls and interrupts may be incomplete."
      )
    }
    if loss.late > 0 {
      lines.append("# WARNING: \(Columns.grouped(loss.late)) events came out of order.")
    }
    if lines.count == 1 { lines.append("# Nothing was lost.") }
    return lines
  }
}

/// The section that counts the processes whose time is in none of the tables.
enum ChildrenSection {
  static func lines(_ count: Int) -> [String] {
    guard count > 0 else { return [] }
    let processes = count == 1 ? "1 child process" : "\(Columns.grouped(UInt64(count))) child processes"
    return [
      "", "# CHILDREN: the target had \(processes) in the window; \(count == 1 ? "it was" : "they were") not watched.",
    ]
  }
}

/// The section of Open vSwitch's upcalls, as kernel_delay.py prints them.
enum UpcallSection {
  static func lines(_ upcalls: UpcallStatistics) -> [String] {
    guard upcalls.total.total + upcalls.missed > 0 else { return [] }
    var lines = [
      "", "# UPCALL STATISTICS (TOTAL [CPU_ID: N_UPCALLS_PER_CPU, ...]):", line("Total upcalls", upcalls.total),
    ]
    if upcalls.failed.total > 0 {
      lines += [line("Successful upcalls", upcalls.successful), line("Failed upcalls", upcalls.failed)]
    }
    for error in upcalls.errors {
      let name = " \(Columns.right(String(error.errno), 4)), \(ErrnoName.of(error.errno))"
      lines.append("  \(Columns.left(name, 20)): \(text(error.count))")
    }
    if upcalls.missed > 0 { lines.append("  Missed upcalls      : \(upcalls.missed) (not counted above)") }
    return lines
  }

  private static func line(_ title: String, _ count: UpcallStatistics.Count) -> String {
    "  \(Columns.left(title, 20)): \(text(count))"
  }

  private static func text(_ count: UpcallStatistics.Count) -> String {
    let cpus = count.cpus.map { "\($0.cpu): \($0.count)" }.joined(separator: ", ")
    return "\(count.total) [\(cpus)]"
  }
}
