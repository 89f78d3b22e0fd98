internal import Session
internal import TraceFile
internal import TraceSource

/// Keeps all threads of the target in the kernel's filter while a recording is made whose events nobody looks at. The filter follows
/// forks by itself; it misses the kernel's own workers, and a thread that has got another one's id by an exec.
struct FilterWatch {
  private var budget = LookBudget(interval: 100_000_000)
  private var known: Set<Int32> = []

  /// Looks at the threads of the processes if it is time.
  mutating func follow(
    _ processes: [Int32], _ setup: borrowing CaptureSetup, _ recorder: Recorder?
  ) throws(CaptureError) {
    let start = MonotonicClock.now
    guard budget.allows(at: start) else { return }
    let threads = processes.flatMap(TargetProcess.threads(of:))
    let new = threads.filter { !known.contains($0) }
    known = Set(threads)
    if !new.isEmpty {
      recorder?.look(atTasks: new)
      let missing = try setup.watchMissing(new)
      if !missing.isEmpty { recorder?.note(.watched(missing)) }
    }
    budget.spent(from: start, to: MonotonicClock.now)
  }
}
