internal import TraceModel

/// The processes whose threads have perf events, and which events belong together.
///
/// A thread has the events that were opened for it, or those that its creator had. The latter are bound to the ones that
/// they come from: the kernel takes them away when these are closed. So processes that inherit from each other are one
/// family, whose events stay open as long as one of them lives.
struct SampledProcesses {
  struct Process {
    var family: Int
    /// The threads that have events, opened or inherited.
    var covered: Set<Int32> = []
    /// When the thread by whose id the process goes was last said to end, ns: an exec that gives other privileges takes its
    /// events away in the same words.
    var leaderEnd: UInt64?
    /// Whether the last record of the process told of an exec: the end that follows one at once is of the events alone.
    var hasJustReplacedItself = false
    var endedByExec = false
  }

  /// Whether the processes that they make are sampled too.
  let followsChildren: Bool
  private(set) var processes: [Int32: Process] = [:]
  /// How many processes each family has.
  private var families: [Int: Int] = [:]
  private var familiesSoFar = 0
  /// The processes that may have lost their events, or have ended.
  private(set) var doubtful: Set<Int32> = []
  /// Families whose events nobody has any more.
  private(set) var extinct: Set<Int> = []

  init(followsChildren: Bool) { self.followsChildren = followsChildren }

  subscript(pid: Int32) -> Process? { processes[pid] }

  /// The ids of the sampled processes.
  var pids: [Int32] { Array(processes.keys) }

  /// Whether thread `tid` of process `pid` has events.
  func covers(_ tid: Int32, of pid: Int32) -> Bool { processes[pid]?.covered.contains(tid) ?? false }

  /// How many threads have events.
  var coveredCount: Int { processes.values.reduce(0) { $0 + $1.covered.count } }

  /// Adds a process that is to get events of its own, unless it is there.
  mutating func add(_ pid: Int32) {
    guard processes[pid] == nil else { return }
    familiesSoFar += 1
    insert(pid, family: familiesSoFar)
  }

  /// The process has no events that are left, and is to get others.
  mutating func renew(_ pid: Int32) {
    remove(pid)
    add(pid)
  }

  mutating func remove(_ pid: Int32) {
    guard let process = processes.removeValue(forKey: pid) else { return }
    let left = (families[process.family] ?? 1) - 1
    families[process.family] = left == 0 ? nil : left
    if left == 0 { extinct.insert(process.family) }
  }

  private mutating func insert(_ pid: Int32, family: Int) {
    processes[pid] = Process(family: family)
    families[family, default: 0] += 1
  }

  mutating func cover(_ tid: Int32, of pid: Int32) { processes[pid]?.covered.insert(tid) }

  /// Takes note of a change that records tell of.
  mutating func note(_ change: ProcessChange) {
    if case .created(let parent, _) = change.kind, change.pid != parent, followsChildren { fork(change.pid, parent) }
    guard processes[change.pid] != nil else { return }
    var isExec = false
    switch change.kind {
    case .created: processes[change.pid]?.covered.insert(change.tid)
    case .exited: exited(change)
    case .renamed(_, let byExec): isExec = byExec
    case .mapped: break
    }
    processes[change.pid]?.hasJustReplacedItself = isExec
  }

  private mutating func exited(_ change: ProcessChange) {
    let pid = change.pid
    processes[pid]?.covered.remove(change.tid)
    if change.tid == pid {
      processes[pid]?.leaderEnd = change.timestamp
      let isByExec = processes[pid]?.hasJustReplacedItself ?? false
      processes[pid]?.endedByExec = isByExec
    }
    if change.tid == pid || processes[pid]?.covered.isEmpty ?? false { doubtful.insert(pid) }
  }

  private mutating func fork(_ pid: Int32, _ parent: Int32) {
    guard let family = processes[parent]?.family else { return }
    // One that has ended had the id before.
    if let process = processes[pid], process.covered.isEmpty { remove(pid) }
    if processes[pid] == nil { insert(pid, family: family) }
  }

  /// The doubtful processes, each once, with when the leader's events ended; those that have simply ended are forgotten.
  mutating func takeDoubtful() -> [(pid: Int32, leaderEnd: UInt64, endedByExec: Bool)] {
    defer { doubtful = [] }
    return doubtful.sorted().compactMap { pid in
      guard let process = processes[pid] else { return nil }
      processes[pid]?.leaderEnd = nil
      if let end = process.leaderEnd { return (pid, end, process.endedByExec) }
      if process.covered.isEmpty { remove(pid) }
      return nil
    }
  }

  /// The families of which nobody is left, each once.
  mutating func takeExtinct() -> Set<Int> {
    defer { extinct = [] }
    return extinct
  }
}
