internal import TraceModel

/// What the events of a whole recording say of its tasks.
package struct RecordedTasks: Sendable, Equatable {
  /// Something that was so from a time on, ns.
  private struct Since<Value: Sendable & Equatable>: Sendable, Equatable {
    var time: UInt64
    var value: Value
  }

  /// When each task that made syscalls made the first.
  private var calls: [Int32: UInt64] = [:]
  /// When each task that ran or was switched to was seen so first.
  private var switches: [Int32: UInt64] = [:]
  /// When each task that was made while it was recorded was made first.
  private var births: [Int32: UInt64] = [:]
  /// The earliest name of each task that an event names.
  private var earliestNames: [Int32: Since<String>] = [:]
  /// The names that are still to be looked up, by task.
  private var found: [Int32: Since<NameID>] = [:]
  /// The numbers of events, by kind and buffer.
  private var counts: [EventKind: [String: UInt64]] = [:]
  /// Whether the end of a stream cannot be read.
  var isCut = false
  /// The task of the last syscall, of which nothing new is to be learnt.
  private var lastCaller: Int32 = -1

  init() {}

  /// The tasks that made syscalls.
  package var callers: Set<Int32> { Set(calls.keys) }

  /// The earliest name of each task that an event names.
  package var names: [Int32: String] { earliestNames.mapValues(\.value) }

  /// All tasks that events tell of.
  package var all: Set<Int32> { Set(calls.keys).union(switches.keys).union(births.keys) }

  /// When a task was made, ns; nil where it was there before anything was recorded of it.
  package func birth(of tid: Int32) -> UInt64? {
    guard let birth = births[tid] else { return nil }
    return birth <= min(calls[tid] ?? .max, switches[tid] ?? .max) ? birth : nil
  }

  /// The callers that were there when the recording began: those that nobody made before their first call. Without any caller, the
  /// tasks that ran. There is one at least, if there is a task.
  package var earlier: [Int32] {
    let tasks = calls.isEmpty ? Array(switches.keys) : Array(calls.keys)
    let earlier = tasks.filter { births[$0] == nil || birth(of: $0) == nil }.sorted()
    return earlier.isEmpty ? tasks.min().map { [$0] } ?? [] : earlier
  }

  /// The number of events of a kind.
  func count(_ kind: EventKind) -> UInt64 { counts[kind]?.values.reduce(0, +) ?? 0 }

  /// The buffers that have events of the same kind, if there are several such.
  var sharing: (kind: EventKind, buffers: [String])? {
    counts.first { $0.value.count > 1 }.map { ($0.key, $0.value.keys.sorted()) }
  }

  /// Takes in events of one stream, of the buffer of this name; of a switch, `detail` is the name of the task that is switched out.
  /// The streams may come in any order.
  mutating func take(_ events: UnsafeBufferPointer<Event>, of buffer: String) {
    var numbers = [UInt64](repeating: 0, count: Int(UInt8.max) + 1)
    lastCaller = -1
    for event in events {
      numbers[Int(event.kind.rawValue)] += 1
      switch event.kind {
      case .syscallEnter where event.tid != lastCaller:
        lastCaller = event.tid
        Self.note(event.timestamp, of: event.tid, &calls)
      case .newTask:
        Self.note(event.timestamp, of: event.subject, &births)
        note(event.subject, event)
      case .rename: note(event.subject, event)
      case .contextSwitch:
        note(event.tid, event)
        if event.tid > 0 { Self.note(event.timestamp, of: event.tid, &switches) }
        if event.subject > 0 { Self.note(event.timestamp, of: event.subject, &switches) }
      default: break
      }
    }
    for (number, count) in numbers.enumerated() where count > 0 {
      guard let kind = EventKind(rawValue: UInt8(number)), kind != .gapStart, kind != .gapEnd else { continue }
      counts[kind, default: [:]][buffer, default: 0] += count
    }
  }

  private static func note(_ time: UInt64, of tid: Int32, _ first: inout [Int32: UInt64]) {
    if let known = first[tid], known <= time { return }
    first[tid] = time
  }

  private mutating func note(_ tid: Int32, _ event: Event) {
    if let known = earliestNames[tid], known.time <= event.timestamp { return }
    if let known = found[tid], known.time <= event.timestamp { return }
    found[tid] = Since(time: event.timestamp, value: NameID(event.detail))
  }

  /// Looks up the names that the events since the last call told of.
  mutating func takeNames(_ table: borrowing NameTable) {
    for (tid, name) in found { earliestNames[tid] = Since(time: name.time, value: table[name.value]) }
    found.removeAll(keepingCapacity: true)
  }

  /// The threads of each process that were there when the recording began, where something else than events tells.
  package private(set) var earlierThreads: [Int32: [Int32]] = [:]
  /// The processes whose own events alone were recorded, and that were there when it began; empty where others' were too, or
  /// nothing tells.
  package private(set) var sampledProcesses: [Int32] = []

  /// Takes in what perf tells of processes.
  mutating func addProcesses(_ recording: Recording) {
    earlierThreads = recording.earlierThreads
    sampledProcesses = recording.sampledProcesses.filter { birth(of: $0) == nil }.sorted()
  }

  /// Names tasks that no event names.
  mutating func addNames(_ names: [Int32: String]) {
    for (tid, name) in names where earliestNames[tid] == nil { earliestNames[tid] = Since(time: .max, value: name) }
  }
}
