internal import Session
internal import TraceFile
internal import TraceFormat
internal import TraceModel

/// A recording of this tool from its first event to its last: tells a session, turn by turn, what the live one was told.
struct JournaledSession: ~Copyable {
  private var capture: JournaledCapture
  private(set) var session: Session
  private var stacks: RecordedStacks?
  private let facts: JournaledFacts
  /// Whether a process that came to the target is reported.
  private let takes: (Int32) -> Bool
  /// The time up to which all was recorded, ns.
  private var complete: UInt64 = 0
  /// Whether there is no end of the recording: its recorder was killed.
  private(set) var isCut = false

  /// `stacks`: where the stacks of slow syscalls come from; nil where the recording has no samples. `takes` says whether a process
  /// that came to the target after the settings were made is reported.
  init(
    _ capture: consuming JournaledCapture, _ settings: SessionSettings, _ facts: JournaledFacts,
    _ stacks: consuming RecordedStacks?, takes: @escaping (Int32) -> Bool
  ) {
    self.takes = takes
    session = Session(settings, facts: facts, stacks: stacks?.finder(settings, facts))
    self.capture = capture
    self.facts = facts
    self.stacks = stacks
  }

  /// Follows the recording from the phase `first` on, and hands each window's result to `report`. `isInterrupted`, asked each turn, says that what was read
  /// until then is enough.
  mutating func run(
    from first: JournalPhase?, isInterrupted: () -> Bool = { false },
    report: (WindowResult, PendingStacks?) throws -> Void
  ) throws {
    var next = first
    while !session.isDone {
      guard let phase = next ?? capture.nextPhase() else {
        // What comes behind the last turn is not there of all CPUs.
        if session.cut == nil { isCut = true }
        session.cutShort(at: complete)
        complete = max(complete, session.cut ?? 0)
        try follow(report)
        break
      }
      next = nil
      facts.enter(phase)
      if let turn = phase.turn {
        capture.reader.source.begin(turn)
        let complete = capture.reader.drain(now: turn.now).complete
        if capture.reader.source.isShort || !capture.reader.source.pages.cutStreams.isEmpty {
          // Some of this turn's events are there, and some are not.
          isCut = true
          session.cutShort(at: self.complete)
          try follow(report)
          break
        }
        self.complete = complete
        if isInterrupted() { session.cutShort(at: complete) }
      }
      for note in phase.notes { tellBefore(note) }
      if phase.turn != nil { try follow(report) }
      for note in phase.notes { tellAfter(note) }
      try handOn(report)
    }
    if let failure = capture.reader.source.pages.failure { throw failure }
  }

  /// What the session is told before it follows a turn's events.
  private mutating func tellBefore(_ note: JournalNote) {
    switch note {
    case .begin(let others, let gateCloses):
      session.begin(&capture.reader.names, besides: others.filter { takes($0.pid) }, gateCloses: gateCloses)
    case .commandBegan: session.commandBegan()
    case .missed(let triggers, let upcalls): session.missed(triggers: triggers, upcalls: upcalls)
    default: break
    }
  }

  /// What it is told after that.
  private mutating func tellAfter(_ note: JournalNote) {
    switch note {
    case .watched(let tids): session.watched(tids)
    case .gate(let closes): _ = session.gateWidened(closes: closes)
    case .added(let process): if takes(process.pid) { session.add(process) }
    case .cut(let time): session.cutShort(at: time)
    default: break
    }
  }

  private mutating func follow(_ report: (WindowResult, PendingStacks?) throws -> Void) throws {
    let complete = complete
    try session.updateStacks { found throws(TraceFileError) in try stacks?.drain(before: complete, into: &found) }
    session.follow(&capture.reader, upTo: complete)
    try handOn(report)
  }

  /// Reports the windows that have closed. The rest that the session asks for is what the recorder has done then, or has not.
  private mutating func handOn(_ report: (WindowResult, PendingStacks?) throws -> Void) throws {
    for case .closed(var result) in session.takeEffects() {
      if let loss = stacks?.loss { result.stacks?.loss = loss }
      try report(result, result.stacks.flatMap { stacks?.pending($0) })
    }
  }

  /// Says on stderr what the report does not.
  mutating func sayWhatWasMissed(isCommand: Bool) {
    session.noteName(capture.reader.names)
    if isCut {
      Failure.say("warning: the recording was cut, as by a crash of its recorder: it is reported up to \(complete) ns")
    }
    for line in SessionSummary(session, lifetime: nil, isCommand: isCommand).lines { Failure.say(line) }
  }
}
