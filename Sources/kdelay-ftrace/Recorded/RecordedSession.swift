internal import Session
internal import TraceFile
internal import TraceFormat

/// A recording from its first event to its last: drives a session from files, as `LiveSession` does from the kernel's rings.
///
/// Of what the session asks for it does one thing: it hands the results on. The rest concerns a kernel that records no more.
struct RecordedSession: ~Copyable {
  private var capture: RecordedCapture
  private var session: Session
  private let facts: RecordedFacts

  init(_ capture: consuming RecordedCapture, _ settings: SessionSettings, _ facts: RecordedFacts) {
    self.capture = capture
    self.facts = facts
    session = Session(settings, facts: facts)
  }

  /// Follows the recording, and hands each window's result to `report`. `isInterrupted`, asked from time to time, says that what was
  /// read until then is enough.
  mutating func run(
    isInterrupted: () -> Bool = { false }, report: (WindowResult) throws -> Void
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
      facts.now = max(facts.now, min(complete, last))
      session.follow(&capture.reader, upTo: complete)
      for case .closed(let result) in session.takeEffects() { try report(result) }
    }
    if let failure = capture.reader.source.failure { throw failure }
  }
}
