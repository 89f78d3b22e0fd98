internal import Aggregator
internal import Session

extension VerdictPoint {
  /// The most tasks, or syscalls, that a sentence names.
  private static let mostNamed = 3

  /// What happened to the threads: the end of a sentence that begins with them.
  var text: String {
    switch subject {
    case .noCPU: "waited for a CPU\(holders)\(longestText)"
    case .throttled: "throttled: the CPU quota of the control group was used up\(countText)"
    case .frozen: "frozen by a freezer\(countText)"
    case .idleCPU: "waited for an idle CPU to switch to it (wake-up latency)\(countText)"
    case .blocked(let kind, let syscall): blocked(kind, syscall)
    case .computing: "computed in the kernel: \(named(sums { $0.syscall ?? "unknown syscalls" }))"
    case .reclaim: "freed memory before it got some (direct reclaim)\(syscalls)\(countText)"
    case .compaction: "moved memory together before it got some (compaction)\(syscalls)\(countText)"
    case .spin: "spun for a lock of the kernel\(places)\(syscalls)\(countText)"
    case .interrupts: "interrupted: \(named(sums { $0.place ?? Self.interrupt($0.state) }))"
    case .stopped:
      "stopped \(named(sums { $0.kind == .unknown ? "by whom no event tells" : CauseWords.word($0.kind) }))\(countText)"
    }
  }

  private static func interrupt(_ state: AccountingState) -> String {
    state == .hardIRQ ? "hard interrupts" : "soft interrupts"
  }

  private func blocked(_ kind: Cause.Kind, _ syscall: String?) -> String {
    let what: String
    switch kind {
    case .disk: what = "blocked on the disk\(places)"
    case .pageFault: what = "waited in page faults\(places)"
    case .kernelLock: what = "waited for a lock of the kernel\(places)"
    case .memory: what = "waited for memory\(places)"
    case .device: what = "waited for a device\(places)"
    case .futex: what = "waited for a lock of its program (futex)"
    case .pipe: what = "waited at a pipe"
    case .socket: what = "waited at a socket"
    case .fileLock: what = "waited for a file lock"
    case .child: what = "waited for a child process"
    case .unknown: what = "was blocked (D), and no event tells why"
    default: what = "was blocked\(places)"
    }
    let isSaid = kind == .futex && syscall == "futex"
    let call = isSaid ? "" : syscall.map { "\(Columns.printable($0)) " } ?? ""
    return call + what + countText + waker(kind)
  }

  /// Who ended the waits, where that was a task and matters: a disk's waits are ended by whoever the interrupt came to.
  private func waker(_ kind: Cause.Kind) -> String {
    guard ![.disk, .device, .unknown].contains(kind) else { return "" }
    let tasks = sums { $0.by }
    guard let first = tasks.first else { return "" }
    let path = sums { $0.by == first.key ? CauseWords.path($0) : nil }.first?.key
    guard tasks.count > 1 || first.total < total else {
      return ", until \(CauseWords.task(first.key)) woke it" + (path.map { ", which \($0)" } ?? "")
    }
    let names = named(byName { $0.by.map { ($0, "") } })
    return ", woken by \(names)" + (path.map { "; \(CauseWords.task(first.key)) \($0)" } ?? "")
  }

  /// Who had the CPU.
  private var holders: String {
    let all = byName { cause in
      guard let by = cause.by, cause.kind == .task || cause.kind == .ownProcess else { return nil }
      return (by, cause.kind == .ownProcess ? " of its own process" : "")
    }
    let nameless = sums { $0.by == nil || $0.kind == .unknown ? CauseWords.holder($0) : nil }
    if all.isEmpty, nameless.count == 1, nameless[0].key == CauseWords.unknownHolder {
      return ", and no event tells who held it"
    }
    return ", held by \(named((all + nameless).sorted { $0.total > $1.total }))"
  }

  /// The times of tasks; of many tasks, those of one name together.
  private func byName(_ task: (Cause) -> (task: Cause.Task, suffix: String)?) -> [(key: String, total: UInt64)] {
    let single = sums { task($0).map { CauseWords.task($0.task) + $0.suffix } }
    guard single.count > Self.mostNamed else { return single }
    var tids: [String: Set<Int32>] = [:]
    for cause in causes {
      if let task = task(cause) { tids[task.task.name + task.suffix, default: []].insert(task.task.tid) }
    }
    return sums { cause in
      task(cause).map { found in
        let count = tids[found.task.name + found.suffix]?.count ?? 1
        guard count > 1 else { return CauseWords.task(found.task) + found.suffix }
        return "\(Columns.grouped(UInt64(count))) tasks \(found.task.name)\(found.suffix)"
      }
    }
  }

  /// The names with their times, or the name alone where it stands for all.
  private func named(_ sums: [(key: String, total: UInt64)]) -> String {
    guard let first = sums.first else { return "unknown" }
    if sums.count == 1, first.total == total { return Columns.printable(first.key) }
    var parts = sums.prefix(Self.mostNamed).map { "\(Columns.printable($0.key)) \(Amount.time($0.total))" }
    let others = sums.dropFirst(Self.mostNamed)
    if !others.isEmpty {
      let word = others.count == 1 ? "other" : "others"
      parts.append(
        "\(Columns.grouped(UInt64(others.count))) \(word) \(Amount.time(others.reduce(0) { $0 + $1.total }))")
    }
    return parts.joined(separator: ", ")
  }

  /// The place where most of it was.
  private var places: String { sums { $0.place }.first.map { " (\(Columns.printable($0.key)))" } ?? "" }

  /// The syscall in which most of it was.
  private var syscalls: String { sums { $0.syscall }.first.map { " in \(Columns.printable($0.key))" } ?? "" }

  private var longestText: String { longest > 0 && longest < total ? "; longest \(Amount.time(longest))" : "" }

  private var countText: String {
    switch count {
    case 0: ""
    case 1: ", once"
    default: ", \(Columns.grouped(count)) times\(longest > 0 ? ", longest \(Amount.time(longest))" : "")"
    }
  }
}
