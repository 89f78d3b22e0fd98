internal import TraceFormat
internal import TraceModel

/// What a perf.data file's own records say of tasks: COMM, FORK and EXIT.
struct PerfTasks: Sendable {
  private struct Name: Sendable {
    var time: UInt64
    var text: String
  }

  /// The names of each task, in the order of the file.
  private var names: [Int32: [Name]] = [:]
  /// The threads of each process that were there when the recording began.
  private(set) var earlierThreads: [Int32: [Int32]] = [:]

  init(_ file: inout PerfFile) throws(TraceFileError) {
    for place in file.places where place.kind == .task {
      guard let (record, bytes) = try file.read(place), let change = ProcessChange(record, bytes),
        case .renamed(let name, _) = change.kind
      else { continue }
      names[change.tid, default: []].append(Name(time: change.timestamp, text: name))
      if change.timestamp == 0 { earlierThreads[change.pid, default: []].append(change.tid) }
    }
  }

  /// Whether it was the whole machine that was recorded: kthreadd, or init and others, were there when it began.
  var areOfMachine: Bool { earlierThreads[2] != nil || earlierThreads[1] != nil && earlierThreads.count > 1 }

  /// The first name of each task that has one.
  var firstNames: [Int32: String] { names.compactMapValues { $0.first?.text } }

  /// What a task was called at `time`, ns; empty where nothing tells.
  func name(of tid: Int32, at time: UInt64) -> String { names[tid]?.last { $0.time <= time }?.text ?? "" }
}

/// The events that perf's own records of tasks stand for, where no tracepoint tells the same.
///
/// They are put into pages as records of tracepoints would be, with formats and numbers of our own.
struct PerfTaskEvents: Sendable {
  private let numbers: [TracedEvent: Int]
  private let tasks: PerfTasks

  private static let events: [TracedEvent] = [.newTask, .rename, .exit, .exec]
  /// clone(2): the new task is a thread.
  private static let cloneThread: UInt64 = 0x10000
  private static let nameSize = 16

  /// The events that are not among those of these formats' texts.
  init(besides texts: [EventName: String], _ tasks: PerfTasks) {
    let taken = Set(texts.values.compactMap { try? EventFormat.parse($0).id })
    var free = (1...).lazy.filter { !taken.contains($0) }.makeIterator()
    var numbers: [TracedEvent: Int] = [:]
    for event in Self.events where texts[event.name] == nil { numbers[event] = free.next() }
    self.numbers = numbers
    self.tasks = tasks
  }

  /// The texts of their formats.
  var texts: [EventName: String] {
    var texts: [EventName: String] = [:]
    for (event, number) in numbers {
      var text = "name: \(event.name.name)\nID: \(number)\nformat:\n"
      for (name, type, offset, size) in Self.fields(of: event) {
        text += "\tfield:\(type) \(name);\toffset:\(offset);\tsize:\(size);\tsigned:0;\n"
      }
      texts[event.name] = text
    }
    return texts
  }

  private static func fields(of event: TracedEvent) -> [(name: String, type: String, offset: Int, size: Int)] {
    let common = [
      ("common_type", "unsigned short", 0, 2), ("common_flags", "unsigned char", 2, 1),
      ("common_preempt_count", "unsigned char", 3, 1), ("common_pid", "int", 4, 4), ("pid", "pid_t", 8, 4),
    ]
    return common
      + (event == .newTask
        ? [("comm[16]", "char", 12, 16), ("clone_flags", "unsigned long", 32, 8)]
        : event == .rename ? [("newcomm[16]", "char", 12, 16)] : event == .exec ? [("old_pid", "pid_t", 12, 4)] : [])
  }

  /// The records that a change becomes; none where a tracepoint tells of it.
  func records(of change: ProcessChange) -> [[UInt8]] {
    switch change.kind {
    case .created(let parentPid, let parentTid):
      [
        record(.newTask, by: parentTid, of: change.tid) { data in
          Self.add(tasks.name(of: parentTid, at: change.timestamp), to: &data)
          data.add(UInt32(0))
          data.add(change.pid == parentPid ? Self.cloneThread : 0)
        }
      ].compactMap { $0 }
    case .renamed(let name, let byExec):
      [
        record(.rename, by: change.tid, of: change.tid) { Self.add(name, to: &$0) },
        byExec ? record(.exec, by: change.tid, of: change.tid) { $0.add(change.tid) } : nil,
      ].compactMap { $0 }
    case .exited: [record(.exit, by: change.tid, of: change.tid) { _ in }].compactMap { $0 }
    case .mapped: []
    }
  }

  private func record(
    _ event: TracedEvent, by task: Int32, of tid: Int32, _ rest: (inout FileBytes) -> Void
  ) -> [UInt8]? {
    guard let number = numbers[event] else { return nil }
    var data = FileBytes()
    data.add(UInt16(truncatingIfNeeded: number))
    data.add(UInt16(0))
    data.add(task)
    data.add(tid)
    rest(&data)
    return data.bytes
  }

  private static func add(_ name: String, to data: inout FileBytes) {
    let text = name.utf8.prefix(nameSize - 1)
    data.add(text)
    data.add(repeatElement(0, count: nameSize - text.count))
  }
}
