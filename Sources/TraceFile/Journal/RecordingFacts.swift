package import TraceModel

/// Facts that note down each answer that they give, so that a report of the recording can have the same.
package final class RecordingFacts: TargetFacts {
  private let facts: any TargetFacts
  private let note: (JournalNote) -> Void

  /// Facts that answer as `facts` do. `note` is handed each question with its answer.
  package init(_ facts: any TargetFacts, note: @escaping (JournalNote) -> Void) {
    self.facts = facts
    self.note = note
  }

  private func noting<Value: NoteValue>(_ question: FactQuestion, _ answer: Value?) -> Value? {
    note(.answer(question: question.text, words: answer.map(\.text) ?? NoteWords.nothing))
    return answer
  }

  private func noting<Value: NoteValue>(_ question: FactQuestion, _ answer: Value) -> Value {
    note(.answer(question: question.text, words: answer.text))
    return answer
  }

  package var now: UInt64 { noting(.now, facts.now) }

  package var clock: ClockPair? { noting(.clock, facts.clock) }

  package func threads(of pid: Int32) -> [Int32]? { noting(.threads(pid), facts.threads(of: pid)) }

  package func thread(_ tid: Int32, of pid: Int32) -> ThreadFacts? {
    noting(.thread(tid, pid), facts.thread(tid, of: pid))
  }

  package func hasThread(_ tid: Int32, of pid: Int32) -> Bool {
    noting(.hasThread(tid, pid), facts.hasThread(tid, of: pid))
  }

  package func abi(of pid: Int32) -> SyscallABI? { noting(.abi(pid), facts.abi(of: pid)) }

  package func name(ofTask tid: Int32) -> String? { noting(.name(tid), facts.name(ofTask: tid)) }

  package func descendants(of pids: [Int32]) -> [DescendantProcess] {
    noting(.descendants(pids), facts.descendants(of: pids))
  }

  package func isAlive(_ pid: Int32) -> Bool { noting(.isAlive(pid), facts.isAlive(pid)) }

  package func codeMappings(of pid: Int32) -> [CodeMapping] { noting(.codeMappings(pid), facts.codeMappings(of: pid)) }

  package func process(ofTask tid: Int32) -> Int32? { noting(.process(tid), facts.process(ofTask: tid)) }

  package func controlGroup(of pid: Int32) -> ControlGroupFacts? {
    noting(.controlGroup(pid), facts.controlGroup(of: pid))
  }

  package func pressure() -> PressureFacts? { noting(.pressure, facts.pressure()) }

  /// The recording has the names of all of the kernel's functions.
  package func kernelFunction(returningTo address: UInt64) -> String? { facts.kernelFunction(returningTo: address) }

  package func kernelFunctions(of tid: Int32, in pid: Int32) -> [String] {
    noting(.kernelFunctions(tid, pid), facts.kernelFunctions(of: tid, in: pid))
  }

  package func mappedFiles(of pid: Int32) -> [FileMapping] { noting(.mappedFiles(pid), facts.mappedFiles(of: pid)) }

  package var tool: Int32? { facts.tool }
}
