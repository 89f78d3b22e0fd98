internal import Session
internal import TraceFile
internal import TraceFormat

/// A recording from its first event to its last: drives a session from files, as `LiveSession` does from the kernel's rings.
///
/// Of what the session asks for it does one thing: it hands the results on. The rest concerns a kernel that records no more.
struct RecordedSession: ~Copyable {
  private var capture: RecordedCapture
  private var session: Session
  private var stacks: RecordedStacks?
  private let facts: RecordedFacts
  /// The number of processes so far that were made while it was recorded.
  private var added = 0

  /// `stacks`: where the stacks of slow syscalls come from; nil where the recording has no samples.
  init(
    _ capture: consuming RecordedCapture, _ settings: SessionSettings, _ facts: RecordedFacts,
    _ stacks: consuming RecordedStacks? = nil
  ) {
    session = Session(settings, facts: facts, stacks: stacks?.finder(settings, facts))
    self.capture = capture
    self.facts = facts
    self.stacks = stacks
  }

  /// Follows the recording, and hands each window's result to `report`. `isInterrupted`, asked from time to time, says that what
  /// was read until then is enough.
  mutating func run(
    isInterrupted: () -> Bool = { false }, report: (WindowResult, PendingStacks?) throws -> Void
  ) throws {
    session.begin(&capture.reader.names)
    while !session.isDone {
      let (complete, wasBusy) = capture.reader.drain(now: .max)
      let last = capture.reader.lastTimestamp
      if !wasBusy {
        // A window does not hold what happens at its end.
        session.cutShort(at: max(capture.begin, last == .max ? last : last + 1))
      } else if isInterrupted() {
        session.cutShort(at: max(capture.begin, complete))
      }
      addProcesses(before: complete)
      facts.now = max(facts.now, min(complete, last))
      try session.updateStacks { found throws(TraceFileError) in try stacks?.drain(before: complete, into: &found) }
      session.follow(&capture.reader, upTo: complete)
      for case .closed(var result) in session.takeEffects() {
        if let loss = stacks?.loss { result.stacks?.loss = loss }
        try report(result, result.stacks.flatMap { stacks?.pending($0) })
      }
    }
    if let failure = capture.reader.source.failure { throw failure }
  }

  /// Lets the session know of the processes that are made before `time`, ns, at the moments at which they are.
  private mutating func addProcesses(before time: UInt64) {
    while added < facts.later.count, facts.later[added].time < time {
      facts.now = facts.later[added].time
      session.add(facts.later[added].process)
      added += 1
    }
  }
}
