package import Session

/// What a window's report says in words, before any table: who lost time, to what, and what is not known.
package struct Verdict: Sendable {
  /// The most sentences.
  static let mostSentences = 5
  /// The most causes that are listed.
  static let mostCauses = 64

  /// Where the lives of all threads went.
  package var division: TimeDivision
  /// The sentences, the worst thing first.
  package var sentences: [VerdictSentence]
  /// The causes that cost the target's threads time, the worst first.
  package var causes: [BlamedCause]
  /// How many more causes there are.
  package var causesLeftOut: Int

  /// The verdict on one window.
  package init(_ result: WindowResult) {
    let threads = VerdictThread.all(result)
    division = threads.reduce(TimeDivision()) { $0 + $1.division }
    sentences = VerdictWriter(result, threads).sentences
    let blamed = threads.lazy.flatMap { thread in thread.blamed.map { BlamedCause(task: thread.task, cause: $0) } }
    let order = blamed.enumerated().sorted {
      ($1.element.cause.total, $0.offset) < ($0.element.cause.total, $1.offset)
    }
    causes = order.prefix(Self.mostCauses).map(\.element)
    causesLeftOut = order.count - causes.count
  }
}

/// A cause, and the thread that it kept.
package struct BlamedCause: Sendable, Equatable {
  package var task: Cause.Task
  package var cause: Cause
}

/// A sentence of a verdict.
package struct VerdictSentence: Sendable, Equatable {
  /// How much the sentence is about, in per cent of the thread's life; nil where the text says it.
  var share: String?
  /// How long that was; nil where the text says it.
  var time: String?
  var text: String

  init(share: String? = nil, time: String? = nil, _ text: String) {
    self.share = share
    self.time = time
    self.text = text
  }

  /// The sentence on a line of its own, without columns.
  var plain: String {
    guard let share, let time else { return text }
    return "\(share), \(time): \(text)"
  }
}
