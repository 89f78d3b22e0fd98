internal import TraceModel

/// What the events of a whole recording say of its tasks.
package struct RecordedTasks: Sendable, Equatable {
  /// The tasks that made syscalls.
  package private(set) var callers: Set<Int32> = []
  /// The earliest name of each task that an event names.
  package private(set) var names: [Int32: String] = [:]
  private var born: Set<Int32> = []
  /// The names that are still to be looked up, by task.
  private var found: [Int32: NameID] = [:]

  init() {}

  /// The callers that were there when the recording began: those that nobody made while it went on. There is one at least, if
  /// there is a caller.
  package var earlier: [Int32] {
    let earlier = callers.subtracting(born).sorted()
    return earlier.isEmpty ? callers.min().map { [$0] } ?? [] : earlier
  }

  /// Takes in the next event; of a switch, `detail` is the name of the task that is switched out.
  mutating func take(_ event: Event) {
    switch event.kind {
    case .syscallEnter: callers.insert(event.tid)
    case .newTask:
      born.insert(event.subject)
      note(event.subject, NameID(event.detail))
    case .rename: note(event.subject, NameID(event.detail))
    case .contextSwitch: note(event.tid, NameID(event.detail))
    default: break
    }
  }

  private mutating func note(_ tid: Int32, _ name: NameID) {
    if names[tid] == nil, found[tid] == nil { found[tid] = name }
  }

  /// Looks up the names that the events since the last call told of.
  mutating func takeNames(_ table: borrowing NameTable) {
    for (tid, name) in found { names[tid] = table[name] }
    found.removeAll(keepingCapacity: true)
  }
}
