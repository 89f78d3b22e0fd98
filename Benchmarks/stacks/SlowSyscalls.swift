internal import TraceModel
internal import TraceSource

/// Matches stack samples with syscalls, as the tool does: by thread and time.
struct SlowSyscalls: ~Copyable {
  /// Syscalls above the threshold by number: how many, how many of these have a sample, and with which sources.
  struct Coverage {
    var slow = 0
    var covered = 0
    var samples: [Int] = [0, 0, 0]
    var longestMissed: UInt64 = 0
  }

  private let threshold: UInt64
  private var entries: [Int32: UInt64] = [:]
  private(set) var byNumber: [Int32: Coverage] = [:]
  /// Syscalls that a gap in the events may have made look slow, or whose samples had to go, are none of the above.
  private(set) var fast = 0
  private var taken = FlatArray<StackSample>()

  init(threshold: UInt64) { self.threshold = threshold }

  /// `from`: syscalls that began before are not judged.
  mutating func consume(_ event: Event, from start: UInt64, _ store: inout StackSampleStore) {
    switch event.kind {
    case .syscallEnter: entries[event.tid] = event.timestamp
    case .syscallExit:
      guard let entry = entries.removeValue(forKey: event.tid), entry >= start else { return }
      guard event.timestamp - entry >= threshold else {
        fast += 1
        return store.discard(tid: event.tid, upTo: event.timestamp)
      }
      taken.removeAll()
      store.take(tid: event.tid, from: entry, to: event.timestamp, into: &taken)
      var coverage = byNumber[event.subject] ?? Coverage()
      coverage.slow += 1
      if taken.count > 0 {
        coverage.covered += 1
      } else {
        coverage.longestMissed = max(coverage.longestMissed, event.timestamp - entry)
      }
      for index in 0..<taken.count { coverage.samples[Int(taken[index].source.rawValue)] += 1 }
      byNumber[event.subject] = coverage
    case .gapStart: entries.removeAll(keepingCapacity: true)
    default: return
    }
  }
}
