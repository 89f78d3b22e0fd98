/// What events do not tell of a target and its machine, and a session has to ask for.
///
/// A live capture answers from /proc and the clock, a recording from what it holds, a test from a script. An answer that
/// nobody knows is nil or empty: the session reports as unknown what it cannot learn. Questions are asked some times a window
/// or a drain, never for each event.
package protocol TargetFacts {
  /// The time now, CLOCK_MONOTONIC, ns; for a recording, the time up to which it has been followed.
  var now: UInt64 { get }

  /// What the clocks say now; of a recording what they said when it was made. Nil where that is not known.
  var clock: ClockPair? { get }

  /// The tids of a process's threads now; empty where it has ended, nil where nobody knows.
  func threads(of pid: Int32) -> [Int32]?

  /// What is known of a thread now; nil where it has ended, or nobody knows.
  func thread(_ tid: Int32, of pid: Int32) -> ThreadFacts?

  /// Whether `tid` is a thread of the process now.
  func hasThread(_ tid: Int32, of pid: Int32) -> Bool

  /// The numbering of the process's syscalls, by its program; nil where that cannot be read.
  func abi(of pid: Int32) -> SyscallABI?

  /// The name of a task of whatever process; nil where it has ended.
  func name(ofTask tid: Int32) -> String?

  /// The living processes below those of `pids`, which are not among them, parents before their children.
  func descendants(of pids: [Int32]) -> [DescendantProcess]

  /// Whether there is a process `pid` that has not ended.
  func isAlive(_ pid: Int32) -> Bool

  /// What the process has mapped as code now; empty where it has ended.
  func codeMappings(of pid: Int32) -> [CodeMapping]

  /// The process of a task; nil where it has ended.
  func process(ofTask tid: Int32) -> Int32?

  /// What limits the process's control groups put on it now; nil where it has ended, or is in none.
  func controlGroup(of pid: Int32) -> ControlGroupFacts?

  /// How long tasks have waited for resources since the machine began, as /proc/pressure says; nil where it does not.
  func pressure() -> PressureFacts?

  /// The kernel's function that the return address `address` of a stack lies in; nil where nobody knows.
  func kernelFunction(returningTo address: UInt64) -> String?

  /// The kernel's functions that a blocked thread is in now, innermost first; empty where it runs, and where nobody knows.
  func kernelFunctions(of tid: Int32, in pid: Int32) -> [String]

  /// What the process has mapped now that has a name; empty where it has ended, and where nobody knows.
  func mappedFiles(of pid: Int32) -> [FileMapping]

  /// The pid of this tool itself; nil where the target was not watched by this process.
  var tool: Int32? { get }
}

// Whoever does not know these answers so.
extension TargetFacts {
  package func process(ofTask tid: Int32) -> Int32? { nil }
  package func controlGroup(of pid: Int32) -> ControlGroupFacts? { nil }
  package func pressure() -> PressureFacts? { nil }
  package func kernelFunction(returningTo address: UInt64) -> String? { nil }
  package func kernelFunctions(of tid: Int32, in pid: Int32) -> [String] { [] }
  package func mappedFiles(of pid: Int32) -> [FileMapping] { [] }
  package var tool: Int32? { nil }
}

/// A process that was made, directly or not, by another one of which somebody asked.
package struct DescendantProcess: Sendable, Equatable {
  package var pid: Int32
  /// Whether the parent of this process is among those that were asked for.
  package var isChild: Bool

  package init(pid: Int32, isChild: Bool) {
    self.pid = pid
    self.isChild = isChild
  }
}
