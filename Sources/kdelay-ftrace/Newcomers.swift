internal import Session
internal import SystemCalls
internal import TraceSource

/// Finds processes that have come to be the target's without an event that tells of it: what moved into a cgroup or took a
/// name, and what was made where events were lost.
struct Newcomers {
  private static let interval: UInt64 = 100_000_000

  private let selection: TargetSelection
  /// When the next look is due, ns.
  private var next: UInt64 = 0
  private var gapsSeen = 0

  init(_ selection: TargetSelection) { self.selection = selection }

  /// Looks for them if it is time. A look reads all of /proc, and is kept to one percent of the time.
  mutating func look(_ session: inout Session, _ capture: inout Capture, _ stacks: inout LiveStacks?)
    throws(CaptureError)
  {
    guard selection.followsChildren else { return }
    let now = MonotonicClock.now
    guard now >= next, selection.looksAgain || session.gapCount != gapsSeen else { return }
    try lookNow(&session, &capture, &stacks)
    let end = MonotonicClock.now
    next = end + max(Self.interval, (end - now) * 100)
  }

  /// Looks for them at once.
  mutating func lookNow(_ session: inout Session, _ capture: inout Capture, _ stacks: inout LiveStacks?)
    throws(CaptureError)
  {
    guard selection.followsChildren else { return }
    gapsSeen = session.gapCount
    for process in selection.newProcesses(known: Set(session.livingProcesses)) {
      var known: Set<Int32> = []
      do { try capture.setup.watch(process, &known) } catch {
        // It has ended already.
        if error.code == .noTarget { continue }
        throw error
      }
      session.updateStacks { found in
        // Without samples its syscalls have no stacks, and the report says so.
        try? stacks?.attach(to: [process], &found)
      }
      session.add(SessionSettings.Process(pid: process.pid, name: process.name))
    }
  }
}
