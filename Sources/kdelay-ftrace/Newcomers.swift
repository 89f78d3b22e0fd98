internal import Session
internal import SystemCalls
internal import TraceModel
internal import TraceSource

/// Finds processes that have come to be the target's without an event that tells of it: what moved into a cgroup or took a
/// name, and what was made where events were lost.
struct Newcomers {
  /// The most looks in a row. Where processes are made all the time, each look finds some, though the kernel's filter has them
  /// already.
  private static let mostLooks = 8

  private let selection: TargetSelection
  private var budget = LookBudget(interval: 100_000_000)
  private var gapsSeen = 0

  init(_ selection: TargetSelection) { self.selection = selection }

  /// The processes that have come since the processes `known` were selected. To be called when recording has begun and before the
  /// session does: what comes later, events tell.
  func find(
    besides known: [Int32], _ session: inout Session, _ capture: inout Capture, _ stacks: inout LiveStacks?
  ) throws(CaptureError) -> [NamedProcess] {
    var others: [NamedProcess] = []
    try eachNew(besides: known, &session, &capture, &stacks) { _, process in others.append(process) }
    return others
  }

  /// Looks for them if it is time, and hands them to `found`. A look reads all of /proc, and is kept to one percent of the time.
  mutating func look(
    _ session: inout Session, _ capture: inout Capture, _ stacks: inout LiveStacks?,
    found: (inout Session, NamedProcess) -> Void
  ) throws(CaptureError) {
    guard selection.followsChildren else { return }
    let now = MonotonicClock.now
    guard budget.allows(at: now), selection.looksAgain || session.gapCount != gapsSeen else { return }
    gapsSeen = session.gapCount
    try eachNew(besides: session.livingProcesses, &session, &capture, &stacks, found)
    budget.spent(from: now, to: MonotonicClock.now)
  }

  /// Watches each of them, and passes it on. What one has made before it was watched is found by another look; what it makes from
  /// then on, the kernel's filter follows.
  private func eachNew(
    besides known: [Int32], _ session: inout Session, _ capture: inout Capture, _ stacks: inout LiveStacks?,
    _ take: (inout Session, NamedProcess) -> Void
  ) throws(CaptureError) {
    var known = Set(known)
    for _ in 0..<Self.mostLooks {
      let new = selection.newProcesses(known: known)
      if new.isEmpty { return }
      for process in new {
        known.insert(process.pid)
        var tids: Set<Int32> = []
        do { try capture.setup.watch(process, &tids) } catch {
          // It has ended already.
          if error.code == .noTarget { continue }
          throw error
        }
        session.updateStacks { found in
          do throws(CaptureError) { try stacks?.attach(to: [process], &found) } catch {
            found.noteUnsampled(process.pid, because: "\(error.what); \(error.remedy)")
          }
        }
        take(&session, process.named)
      }
    }
  }
}
