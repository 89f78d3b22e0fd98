internal import Aggregator
internal import TraceSource

/// Names of the tasks that woke slow syscalls' threads: of other processes' tasks /proc knows them, while they live.
struct WakerNames {
  /// Names that are remembered.
  private static let limit = 1 << 16

  private(set) var names: [Int32: String] = [:]
  private var seen = 0

  /// Looks at the slow syscalls that have ended since this was called last, in the same window.
  mutating func note(_ aggregator: inout Aggregator) {
    while seen < aggregator.slowSyscallCount {
      let event = aggregator.slowSyscall(at: seen)
      for index in event.firstWait..<event.firstWait + event.waitCount {
        guard let waker = aggregator.wait(at: index).waker, waker.context == .task, waker.tid > 0 else { continue }
        // A thread of the target is in the report itself.
        guard names[waker.tid] == nil, !aggregator.isThread(waker.tid), names.count < Self.limit else { continue }
        names[waker.tid] = ProcessStatus.read(pid: waker.tid)?.name
      }
      seen += 1
    }
  }

  /// A new window opens, whose slow syscalls are counted from 0. Tids are used again: names do not outlive it.
  mutating func startWindow() {
    seen = 0
    names.removeAll(keepingCapacity: true)
  }
}
