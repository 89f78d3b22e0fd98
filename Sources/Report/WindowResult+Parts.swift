internal import Aggregator
internal import Session
internal import TraceModel

extension WindowResult {
  /// The target processes that lived in the window, the first one first.
  var targets: [NamedProcess] {
    guard !snapshot.processes.isEmpty else { return [NamedProcess(pid: target, name: targetName)] }
    return snapshot.processes.map { NamedProcess(pid: $0.pid, name: names[$0.name]) }
  }

  /// The processes, in the snapshot's order, if there are several that need to be told apart; else none.
  var severalProcesses: [NamedProcess] { snapshot.processes.count > 1 ? targets : [] }

  /// Threads by process (its name, then its pid), by name, and by tid; of a tid that was used twice, the earlier first.
  var threads: [ThreadSnapshot] { threadOrder.map { snapshot.threads[$0] } }

  /// The places in `snapshot.threads` in the order of `threads`.
  var threadOrder: [Int] {
    let processes = severalProcesses
    let order = processes.indices.sorted {
      (processes[$0].name, processes[$0].pid, $0) < (processes[$1].name, processes[$1].pid, $1)
    }
    var ranks = [Int](repeating: 0, count: processes.count)
    for (rank, process) in order.enumerated() { ranks[process] = rank }
    return snapshot.threads.enumerated().map { offset, thread in
      let rank = ranks.indices.contains(thread.process) ? ranks[thread.process] : 0
      return (rank: rank, name: names[thread.name], offset: offset, tid: thread.tid)
    }
    .sorted { left, right in
      if left.rank != right.rank { return left.rank < right.rank }
      if left.name != right.name { return left.name < right.name }
      return (left.tid, left.offset) < (right.tid, right.offset)
    }
    .map(\.offset)
  }

  /// The causes of the thread at a place in `snapshot.threads`; none where they were not looked for.
  func causes(at place: Int) -> ThreadCauses { causes.indices.contains(place) ? causes[place] : ThreadCauses() }

  /// The process that a thread of the target belongs to.
  func pid(of thread: ThreadSnapshot) -> Int32 { thread.pid == 0 ? target : thread.pid }

  /// The process whose thread made a slow syscall.
  func pid(of call: SyscallEvent) -> Int32 { call.pid == 0 ? target : call.pid }

  /// Whether the names of the thread's syscalls may be those of other calls; see `uncertainProcesses`.
  func isUncertain(_ thread: ThreadSnapshot) -> Bool { uncertainProcesses.contains(pid(of: thread)) }

  /// Whether a slow syscall may be another one than its name says: its program makes 32-bit syscalls too, and no instruction was
  /// seen.
  func isNameUncertain(of slow: SlowSyscall) -> Bool {
    uncertainProcesses.contains(pid(of: slow.call)) && slow.call.abi.compat != nil && slow.isCompat == nil
  }

  /// Open vSwitch's upcalls; nil where they are not counted.
  var upcalls: UpcallStatistics? { missedUpcalls.map { UpcallStatistics(counts: snapshot.upcalls, missed: $0) } }

  /// The frames of a stack; none where there is none, or its names are not known.
  func frames(of stack: StackNumber?) -> [StackFrame] {
    guard let stack, let frames = stacks?.frames, frames.indices.contains(stack) else { return [] }
    return frames[stack]
  }

  /// How many slow syscalls have no user stack for the reason `end`.
  func missing(_ end: UserStackEnd) -> Int { stacks == nil ? 0 : slowSyscalls.count { $0.userStackEnd == end } }

  /// When the window began, as the report says it.
  var started: String { text(of: snapshot.start) }

  /// When the window ended, as the report says it.
  var stopped: String { text(of: snapshot.stop) }

  /// When the result was made, as the report says it; where nobody knows, when the window ended.
  var dumped: String { clock?.wall.text ?? stopped }

  /// A time of the kernel's clock, ns, as one of a clock on the wall; where nothing relates the two, as it is.
  private func text(of time: UInt64) -> String {
    clock?.wallTime(at: time).text ?? "\(Columns.seconds(time)) s of the kernel's clock"
  }
}

extension SyscallSnapshot {
  /// The syscall's name; with a question mark where it may be another one, see `WindowResult.uncertainProcesses`.
  func name(isUncertain: Bool) -> String {
    SyscallNames.name(number, abi: abi) + (isUncertain && abi.compat != nil ? "?" : "")
  }
}

extension ThreadSnapshot {
  /// What recording cost the thread, ns: an estimate, and a part of its user time. `cost` is that of one syscall.
  func recordingTime(_ cost: UInt64?) -> UInt64? {
    let calls = syscalls.reduce(statistics.probes.count) { $0 + $1.durations.count }
    return cost.map { min($0 * calls, accounting[.user]) }
  }

  /// The thread's syscalls by total time, the longest first.
  var syscallsByTotal: [SyscallSnapshot] {
    syscalls.sorted {
      ($1.durations.total, $0.abi.rawValue, $0.number) < ($0.durations.total, $1.abi.rawValue, $1.number)
    }
  }
}

extension [IRQSnapshot] {
  /// Interrupts by total time, the longest first.
  var byTotal: [IRQSnapshot] {
    sorted { ($1.durations.total, $0.number) < ($0.durations.total, $1.number) }
  }
}

extension IRQSnapshot {
  var vectorName: String { SoftInterrupt.name(number) }
}
