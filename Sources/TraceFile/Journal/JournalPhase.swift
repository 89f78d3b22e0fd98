internal import TraceFormat
package import TraceModel

/// What was noted from one call of a session on to the next: before it began, at its beginning, and in each turn.
package struct JournalPhase: Sendable, Equatable {
  /// The turn that the phase is; nil for what comes before the first one.
  package private(set) var turn: JournalTurn?
  /// What is no answer, in order.
  package private(set) var notes: [JournalNote] = []
  /// The words of answers, by their question, in order.
  package private(set) var answers: [String: [String]] = [:]

  /// The processes that came to the target while the recording began.
  package var newcomers: [NamedProcess] {
    for case .begin(let others, _) in notes { return others }
    return []
  }

  /// A phase of which nothing is known yet.
  package init() {}

  /// A phase that begins with `note`.
  init(_ note: JournalNote) { add(note) }

  /// Whether `note` begins a phase of its own.
  static func begins(with note: JournalNote) -> Bool {
    switch note {
    case .begin, .turn: true
    default: false
    }
  }

  /// Adds a note that belongs to the phase.
  package mutating func add(_ note: JournalNote) {
    switch note {
    case .turn(let turn): self.turn = turn
    case .answer(let question, let words): answers[question, default: []].append(words)
    default: notes.append(note)
    }
  }
}
