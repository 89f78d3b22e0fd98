internal import Aggregator
internal import TraceModel

/// Turns the charges of a window's threads into causes: gives them kinds, and names to tasks and functions.
struct CauseFinder {
  /// The most causes of a thread; the smallest of more are folded into those of their state and kind.
  private static let mostCauses = 64
  /// The most threads that are looked at when the recording begins.
  private static let mostThreads = 1024
  /// The most processes of a window whose files are asked for.
  private static let mostProcesses = 256

  private let facts: any TargetFacts
  /// What the kernel stacks say, by their numbers; they are the same in all windows.
  private var reasons: [Int32: WaitReason] = [:]
  var names: TaskNames
  /// What threads were blocked in when the recording began; of a wait that has begun since, a stack is recorded.
  private var first: [Int32: WaitReason] = [:]
  /// What the processes have mapped that had page faults in the window.
  private var files: [Int32: [FileMapping]] = [:]

  init(_ facts: any TargetFacts) {
    self.facts = facts
    names = TaskNames(facts)
  }

  /// All that is the same for the charges of one window.
  struct Window {
    let machine: MachineObservation
    let names: NameTable
    let stacks: KernelStackTable?
    /// The target's threads by tid.
    let threads: [Int32: (pid: Int32, name: String)]
  }

  /// Where the name of a task is found that a switch of the machine told.
  typealias SwitchedName = (Int32) -> NameID?

  /// What the charges of one window have in common.
  func window(_ result: WindowResult, _ stacks: KernelStackTable?) -> Window {
    var threads: [Int32: (pid: Int32, name: String)] = [:]
    for thread in result.snapshot.threads {
      threads[thread.tid] = (thread.pid == 0 ? result.target : thread.pid, result.names[thread.name])
    }
    return Window(machine: result.machine, names: result.names, stacks: stacks, threads: threads)
  }

  /// Looks at what the threads of process `pid` are blocked in, before anything of them is recorded. `tids`: its threads.
  mutating func lookAtBlocked(_ tids: [Int32], of pid: Int32) {
    for tid in tids where first.count < Self.mostThreads {
      let functions = facts.kernelFunctions(of: tid, in: pid)
      if !functions.isEmpty { first[tid] = WaitReason(of: functions) }
    }
  }

  /// Asks for the names of tasks that have become part of causes.
  mutating func note(_ tids: [Int32]) {
    for tid in tids { names.note(tid) }
  }

  /// The causes of a thread's states.
  mutating func causes(
    of thread: ThreadSnapshot, abi: SyscallABI, in window: Window, _ switched: SwitchedName
  ) -> ThreadCauses {
    var merged: [Key: IntervalStatistic] = [:]
    var result = ThreadCauses()
    result.pageFaults.count = thread.pageFaults
    for charge in thread.charges where charge.durations.total > 0 {
      let key = key(of: charge, thread, abi, window, switched)
      merged[key, default: IntervalStatistic()].add(charge.durations)
      guard charge.side == .pageFault, charge.reason != .syscall else { continue }
      result.pageFaults.total += charge.durations.total
      result.pageFaults.longest = max(result.pageFaults.longest, charge.durations.max)
    }
    result.causes = Self.folded(merged)
    return result
  }

  /// A new window opens: names of tasks and of files do not outlive it.
  mutating func startWindow() {
    names.startWindow()
    files = [:]
  }

  // MARK: Folding

  /// What charges have in common that are one cause.
  private struct Key: Hashable {
    var state: AccountingState
    var kind: Cause.Kind
    var by: Cause.Task?
    var path: Cause.PathEnd?
    var syscall: String?
    var place: String?
  }

  private static func folded(_ merged: [Key: IntervalStatistic]) -> [Cause] {
    var causes = merged.map { key, durations in
      Cause(
        key.state, key.kind, by: key.by, path: key.path, syscall: key.syscall, place: key.place, count: durations.count,
        total: durations.total, longest: durations.max)
    }
    causes.sort(by: isBefore)
    guard causes.count > mostCauses else { return causes }
    var rest: [Key: IntervalStatistic] = [:]
    for cause in causes[mostCauses...] {
      let key = Key(state: cause.state, kind: cause.kind)
      let durations = merged[
        Key(
          state: cause.state, kind: cause.kind, by: cause.by, path: cause.path, syscall: cause.syscall,
          place: cause.place)]
      rest[key, default: IntervalStatistic()].add(durations ?? IntervalStatistic())
    }
    return (causes[..<mostCauses] + folded(rest)).sorted(by: isBefore)
  }

  private static func isBefore(_ left: Cause, _ right: Cause) -> Bool {
    if left.total != right.total { return left.total > right.total }
    let (a, b) = (left, right)
    return (a.state.rawValue, a.kind.rawValue, a.by?.tid ?? -1, a.path?.task.tid ?? -1, a.syscall ?? "", a.place ?? "")
      < (b.state.rawValue, b.kind.rawValue, b.by?.tid ?? -1, b.path?.task.tid ?? -1, b.syscall ?? "", b.place ?? "")
  }

  // MARK: One charge

  private mutating func key(
    of charge: Charge, _ thread: ThreadSnapshot, _ abi: SyscallABI, _ window: Window, _ switched: SwitchedName
  ) -> Key {
    var key = Key(state: charge.state, kind: .unknown)
    if charge.side == .syscall, charge.syscall >= 0 { key.syscall = SyscallNames.name(charge.syscall, abi: abi) }
    let stack = reason(ofStack: charge.stack, window)
    switch charge.state {
    case .ready:
      key.kind = ready(charge, thread, stack, window)
      if key.kind == .task || key.kind == .ownProcess { key.by = task(charge.tid, window, switched) }
    case .blockedInterruptible, .blockedUninterruptible:
      block(charge, thread, stack, window, switched, &key)
    case .syscall: key.kind = Self.computing(charge)
    case .user: key.kind = Self.computing(charge)
    case .hardIRQ, .softIRQ:
      guard charge.reason == .interrupt else { break }
      key.kind = .interrupt
      key.place = charge.state == .hardIRQ ? window.names[charge.name] : SoftInterrupt.name(charge.number)
    case .stopped: key.kind = charge.reason == .signal ? .signal : charge.reason == .tracer ? .tracer : .unknown
    case .unknown: break
    }
    return key
  }

  private static func computing(_ charge: Charge) -> Cause.Kind {
    switch charge.reason {
    case .syscall: .syscall
    case .activity:
      switch KernelActivity(rawValue: charge.number) {
      case .reclaim: .reclaim
      case .compaction: .compaction
      case .spin: .spin
      case .lock: .kernelLock
      case nil: .unknown
      }
    default: .unknown
    }
  }

  private func ready(
    _ charge: Charge, _ thread: ThreadSnapshot, _ stack: WaitReason?, _ window: Window
  ) -> Cause.Kind {
    let limits = window.machine.limits[thread.pid]
    if let kind = stack?.kind, kind == .frozen || kind == .throttled && (limits?.throttledTime ?? 0) > 0 { return kind }
    switch charge.reason {
    case .task:
      return window.threads[charge.tid].map { $0.pid == thread.pid } ?? false ? .ownProcess : .task
    case .interrupt: return .interrupt
    case .idleCPU:
      // A CPU that idles beside a runnable thread for more than it takes to wake up is not allowed to run it.
      guard let limits else { return .idleCPU }
      return limits.wasFrozen ? .frozen : limits.throttledTime > 0 ? .throttled : .idleCPU
    default: return .unknown
    }
  }

  private mutating func block(
    _ charge: Charge, _ thread: ThreadSnapshot, _ stack: WaitReason?, _ window: Window,
    _ switched: SwitchedName, _ key: inout Key
  ) {
    let stack = stack ?? (charge.stack < 0 && charge.side == .syscall ? first[thread.tid] : nil)
    key.kind = stack?.kind ?? .unknown
    key.place = stack?.place
    if stack == nil {
      if charge.reason == .activity {
        key.kind = KernelActivity(rawValue: charge.number) == .lock ? .kernelLock : .memory
      } else if charge.side == .pageFault {
        key.kind = .pageFault
      } else if let name = key.syscall {
        key.kind = WaitReason.kind(ofSyscall: name)
      }
    }
    if key.kind == .pageFault, charge.address != 0, let file = file(of: thread.pid, charge.address) { key.place = file }
    if charge.tid != 0, !charge.isEndedByInterrupt {
      key.by = task(charge.tid, window, switched)
      if charge.pathTID != 0, charge.pathLength > 0 {
        key.path = Cause.PathEnd(
          task: task(charge.pathTID, window, switched), doing: charge.pathDoing,
          length: Int(charge.pathLength))
      }
    }
    let waitsForWork =
      key.kind == .idle
      || key.kind == .futex && charge.futexOperation >= 0 && !charge.isForLock
    if waitsForWork { key.kind = Self.isHeldUp(charge) ? key.kind == .futex ? .futex : .other : .idle }
  }

  /// Whether somebody who ended the wait, or on whom that one depended, could not work for most of it.
  private static func isHeldUp(_ charge: Charge) -> Bool {
    guard charge.tid != 0, !charge.isEndedByInterrupt else { return false }
    switch charge.pathDoing {
    case .ready, .stopped: return true
    case .blocked: return !charge.pathIsInterruptible
    case .running, .unknown: return false
    }
  }

  // MARK: Names

  /// The one file that a page fault of process `pid` can have been in; `address` is the begin of the stretch of `Charge.addressSpan` bytes that it
  /// lies in. Nil where there is none, or several.
  private mutating func file(of pid: Int32, _ address: UInt64) -> String? {
    guard address < .max - Charge.addressSpan else { return nil }
    if files[pid] == nil, files.count < Self.mostProcesses { files[pid] = facts.mappedFiles(of: pid) }
    let span = address..<(address + Charge.addressSpan)
    var found: String?
    for file in files[pid] ?? [] where file.addresses.overlaps(span) {
      if let found, found != file.path { return nil }
      found = file.path
    }
    return found
  }

  /// A task of the window as causes name it.
  mutating func task(_ tid: Int32, _ window: Window, _ switched: SwitchedName) -> Cause.Task {
    names.task(tid, thread: window.threads[tid], switched: switched(tid).map { window.names[$0] } ?? "")
  }

  /// What a kernel stack says; nil where there is none.
  private mutating func reason(ofStack number: Int32, _ window: Window) -> WaitReason? {
    guard number >= 0, let stacks = window.stacks, Int(number) < stacks.count else { return nil }
    if let known = reasons[number] { return known }
    let functions = stacks[number].compactMap { facts.kernelFunction(returningTo: $0) }
    // Without names nothing tells.
    guard !functions.isEmpty else { return nil }
    let reason = WaitReason(of: functions)
    reasons[number] = reason
    return reason
  }
}
