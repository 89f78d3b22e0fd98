internal import TraceFormat
internal import TraceModel

extension Recording {
  /// What the recording lacks, and what a report lacks for it, a sentence each. Formats tell of what could be recorded; of events
  /// that never fail to come, `tasks` tells whether they were.
  func lacks(_ tasks: RecordedTasks) -> [String] {
    var sentences: [String] = []
    if case .cut(let place) = end {
      sentences.append("The recording was cut \(place): what came after that is missing.")
    } else if tasks.isCut {
      sentences.append("Some of its packed records are damaged: what came after them on their CPU is missing.")
    }
    for purpose in purposes {
      let missing = TracedEvent.allCases.filter { $0.purpose == purpose && isMissing($0, tasks) }
      guard !missing.isEmpty else { continue }
      let names = missing.map { "\($0.name)" }.joined(separator: ", ")
      let what = purpose.prefix { $0 != ";" }
      sentences.append("No \(names), which \(missing.count > 1 ? "tell" : "tells") of \(what).")
    }
    if formats.abi == nil {
      sentences.append("The machine is not named: syscalls have the names that they have on this one.")
    }
    if let clock, clock != "mono" {
      sentences.append("Times are of the kernel's clock '\(clock)': stack samples cannot be matched with them.")
    }
    return sentences
  }

  /// What events tell of, each once.
  private var purposes: [String] {
    var seen: Set<String> = []
    return TracedEvent.allCases.map(\.purpose).filter { seen.insert($0).inserted }
  }

  /// Tasks need not be made, renamed or ended, nor need interrupts come, while something is recorded.
  private func isMissing(_ event: TracedEvent, _ tasks: RecordedTasks) -> Bool {
    if formats.formats[event] == nil { return true }
    switch event {
    case .syscallEnter, .syscallExit, .contextSwitch: return tasks.count(event.reading.kind) == 0
    default: return false
    }
  }
}
