package import TraceModel

/// What a recording's journal answers: what the live system answered in the same turn.
///
/// A question that nobody asked in that turn has the answer that it had last, where that is still true: a task's name, its process,
/// what a process has mapped. What a thread does is true for a moment only, and unknown at any other.
package final class JournaledFacts: TargetFacts {
  private var answers: [String: [String]] = [:]
  /// How many of a question's answers were given already in this turn.
  private var given: [String: Int] = [:]
  private var lasting: [String: String] = [:]
  private let names: [Int32: String]
  private let kernelFunction: (UInt64) -> String?
  private let toolPid: Int32?
  /// The clock of the turn, ns; for questions of the time that nobody asked then.
  private var turnTime: UInt64 = 0

  /// The most questions whose answers are kept beyond their turn.
  private static let mostLasting = 1 << 18

  /// Facts before the first phase. `names`: of tasks that no answer names; `kernelFunction`: the recorded kernel's function that a
  /// return address lies in; `tool`: the pid of what recorded.
  package init(names: [Int32: String], tool: Int32?, kernelFunction: @escaping (UInt64) -> String?) {
    self.names = names
    self.kernelFunction = kernelFunction
    toolPid = tool
  }

  /// From now on the answers are those of `phase`.
  package func enter(_ phase: borrowing JournalPhase) {
    answers = phase.answers
    given.removeAll(keepingCapacity: true)
    if let turn = phase.turn { turnTime = turn.now }
    for (question, answers) in phase.answers where FactQuestion.isLasting(question) {
      guard let last = answers.last, lasting[question] != nil || lasting.count < Self.mostLasting else { continue }
      lasting[question] = last
    }
  }

  /// The words of the next answer of this phase; behind the last one, that.
  private func words(_ question: FactQuestion) -> String? {
    let text = question.text
    guard let all = answers[text] else { return nil }
    let next = given[text, default: 0]
    given[text] = next + 1
    return all[min(next, all.count - 1)]
  }

  /// The answer of this phase, or the last one where that lasts; nil where there is none, or nobody knew.
  private func answer<Value: NoteValue>(_ question: FactQuestion, _ type: Value.Type = Value.self) -> Value? {
    (words(question) ?? lasting[question.text]).flatMap { Value(words: $0) }
  }

  package var now: UInt64 { answer(.now) ?? turnTime }

  package var clock: ClockPair? { answer(.clock) }

  package func threads(of pid: Int32) -> [Int32]? { words(.threads(pid)).flatMap { [Int32](words: $0) } }

  package func thread(_ tid: Int32, of pid: Int32) -> ThreadFacts? { answer(.thread(tid, pid)) }

  package func hasThread(_ tid: Int32, of pid: Int32) -> Bool {
    if let answer = answer(.hasThread(tid, pid), Bool.self) { return answer }
    return lasting[FactQuestion.threads(pid).text].flatMap { [Int32](words: $0) }?.contains(tid) ?? false
  }

  package func abi(of pid: Int32) -> SyscallABI? { answer(.abi(pid)) }

  package func name(ofTask tid: Int32) -> String? {
    // Where nobody knew it when this was asked, the live report has no name either.
    if let words = words(.name(tid)) { return String(words: words) }
    return lasting[FactQuestion.name(tid).text].flatMap { String(words: $0) } ?? names[tid]
  }

  package func descendants(of pids: [Int32]) -> [DescendantProcess] { answer(.descendants(pids)) ?? [] }

  /// Nothing but an event can tell that it has ended.
  package func isAlive(_ pid: Int32) -> Bool { answer(.isAlive(pid)) ?? true }

  package func codeMappings(of pid: Int32) -> [CodeMapping] { answer(.codeMappings(pid)) ?? [] }

  package func process(ofTask tid: Int32) -> Int32? { answer(.process(tid)) ?? (tid == toolPid ? tid : nil) }

  package func controlGroup(of pid: Int32) -> ControlGroupFacts? { answer(.controlGroup(pid)) }

  package func pressure() -> PressureFacts? { answer(.pressure) }

  package func kernelFunction(returningTo address: UInt64) -> String? { kernelFunction(address) }

  package func kernelFunctions(of tid: Int32, in pid: Int32) -> [String] { answer(.kernelFunctions(tid, pid)) ?? [] }

  package func mappedFiles(of pid: Int32) -> [FileMapping] { answer(.mappedFiles(pid)) ?? [] }

  package var tool: Int32? { toolPid }
}
