internal import Aggregator
internal import TraceModel

/// The names of the tasks that woke slow syscalls' threads: of other processes' tasks /proc knows them, while they live.
struct WakerNames {
  /// The most names that are remembered.
  private static let limit = 1 << 16

  private(set) var names: [Int32: String] = [:]

  /// Asks for the names of those that ended the waits of a slow syscall.
  mutating func note(_ waits: [SlowSyscall.Wait], _ aggregator: inout Aggregator, _ facts: any TargetFacts) {
    for wait in waits {
      guard let waker = wait.wait.waker, waker.context == .task, waker.tid > 0 else { continue }
      // A thread of the target is in the report itself.
      guard names[waker.tid] == nil, !aggregator.isThread(waker.tid), names.count < Self.limit else { continue }
      names[waker.tid] = facts.name(ofTask: waker.tid)
    }
  }

  /// A new window opens. Tids are used again: names do not outlive it.
  mutating func startWindow() {
    names.removeAll(keepingCapacity: true)
  }
}
