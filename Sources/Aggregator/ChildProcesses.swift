/// The processes below the target's that are not watched: they are only counted.
///
/// The kernel's pid filter follows forks, so that what comes and goes after the capture has begun is seen. Those that were
/// there before are told by whoever looks at /proc, and so is their end.
package struct ChildProcesses {
  private struct Process {
    /// The number of the process's threads that are known to live.
    var threads: Int
    /// Whether a thread of the target made the process, and not one of its children.
    var isChild: Bool
    /// Whether the process's events are recorded, its end among them.
    var isFollowed: Bool
  }

  private var processes: [Int32: Process] = [:]
  /// Each known thread's process.
  private var processOfThread: [Int32: Int32] = [:]
  /// The number of direct children that lived at some time of the window.
  package private(set) var seenInWindow = 0
  /// The number of direct children that lived at some time since the capture began.
  package private(set) var seen = 0

  package init() {}

  /// The processes that live, children of children included, by pid.
  package var living: [Int32] { processes.keys.sorted() }

  /// The living processes whose end no event tells.
  package var unfollowed: [Int32] { processes.filter { !$0.value.isFollowed }.keys.sorted() }

  /// Whether `tid` is a thread of a process that lives.
  package func isThread(_ tid: Int32) -> Bool { processOfThread[tid] != nil }

  /// A process that /proc shows. `isChild`: the target is its parent.
  package mutating func observe(_ pid: Int32, isChild: Bool) {
    guard processes[pid] == nil else { return }
    add(pid, isChild: isChild, isFollowed: false)
  }

  /// A task of the target made the process `pid`.
  mutating func targetForked(_ pid: Int32) {
    // One that /proc has shown already, or one that ended unseen and whose id is used again.
    if processes[pid]?.isFollowed ?? false { processEnded(pid) }
    if processes[pid] == nil { add(pid, isChild: true, isFollowed: true) }
    processes[pid]?.isFollowed = true
  }

  /// Task `parent`, which is none of the target's, made another one.
  mutating func taskCreated(_ tid: Int32, by parent: Int32, isThread: Bool) {
    guard let process = processOfThread[parent], processOfThread[tid] == nil else { return }
    if isThread {
      processOfThread[tid] = process
      processes[process]?.threads += 1
    } else {
      add(tid, isChild: false, isFollowed: true)
    }
  }

  /// The task has ended. A process lives as long as one of its threads does.
  package mutating func ended(_ tid: Int32) {
    guard let process = processOfThread.removeValue(forKey: tid), let left = processes[process]?.threads else { return }
    processes[process]?.threads = left - 1
    if left == 1 { processes[process] = nil }
  }

  /// The process has ended, as /proc tells where events do not.
  package mutating func processEnded(_ pid: Int32) {
    guard let process = processes.removeValue(forKey: pid) else { return }
    processOfThread[pid] = nil
    guard process.threads > 1 else { return }
    for (tid, owner) in processOfThread where owner == pid { processOfThread[tid] = nil }
  }

  /// A thread of a process replaced its program: all others are gone, and it has the first one's id now.
  mutating func replacedProgram(_ tid: Int32, was old: Int32) {
    guard tid != old, processOfThread.removeValue(forKey: old) != nil else { return }
    if processOfThread[tid] == nil { processOfThread[tid] = tid } else { ended(tid) }
  }

  /// A process that was taken for a child is one of the target's: it is counted no more.
  mutating func becameTarget(_ pid: Int32) {
    guard let process = processes[pid] else { return }
    processEnded(pid)
    guard process.isChild else { return }
    seen -= 1
    seenInWindow -= 1
  }

  mutating func startWindow() { seenInWindow = processes.values.count { $0.isChild } }

  private mutating func add(_ pid: Int32, isChild: Bool, isFollowed: Bool) {
    processes[pid] = Process(threads: 1, isChild: isChild, isFollowed: isFollowed)
    processOfThread[pid] = pid
    guard isChild else { return }
    seen += 1
    seenInWindow += 1
  }
}
