internal import Aggregator
internal import Session

/// What the text of a report calls causes and those who have to do with them.
enum CauseWords {
  /// A task by name and id; of this tool it is said that it is this tool.
  static func task(_ task: Cause.Task) -> String {
    guard !task.name.isEmpty else { return "task \(task.tid)" }
    return "\(Columns.printable(task.name)) (\(task.tid)\(task.isTool ? ", this tool" : ""))"
  }

  /// Who had the CPU, where no event tells.
  static let unknownHolder = "unknown tasks"

  /// Who or what had the CPU, as far as that is known.
  static func holder(_ cause: Cause) -> String {
    switch cause.kind {
    case .task: cause.by.map { task($0) } ?? "another process"
    case .ownProcess: cause.by.map { "\(task($0)) of its own process" } ?? "its own process"
    case .interrupt: "interrupts"
    default: unknownHolder
    }
  }

  /// What the one who ended a wait did meanwhile, as the end of a sentence about that task. Nil where nothing tells.
  static func path(_ cause: Cause) -> String? {
    guard let path = cause.path else { return nil }
    let doing: String
    switch path.doing {
    case .running: doing = "ran meanwhile"
    case .ready: doing = "waited for a CPU"
    case .blocked: doing = "was blocked"
    case .stopped: doing = "was stopped"
    case .unknown: return nil
    }
    if path.length <= 1 || path.task.tid == cause.by?.tid {
      return path.doing == .running ? doing : "itself \(doing)"
    }
    let chain = path.length == 2 ? "" : ", the last of a chain of \(path.length)"
    return "itself waited for \(task(path.task))\(chain), which \(doing)"
  }

  /// A cause in a few words, as the report's table has them.
  static func text(_ cause: Cause) -> String {
    var text = what(cause)
    if let syscall = cause.syscall, cause.kind != .syscall, syscall != cause.kind.rawValue {
      text += ", \(Columns.printable(syscall))"
    }
    if let place = cause.place { text += ", in \(Columns.printable(place))" }
    guard cause.state.isBlocked else { return text }
    if let by = cause.by { text += ", woken by \(task(by))" }
    return path(cause).map { "\(text), which \($0)" } ?? text
  }

  private static func what(_ cause: Cause) -> String {
    if cause.state == .ready, [.task, .ownProcess, .interrupt].contains(cause.kind) {
      return "CPU held by \(holder(cause))"
    }
    return cause.kind == .syscall ? cause.syscall.map { Columns.printable($0) } ?? "unknown syscall" : word(cause.kind)
  }

  /// A kind of cause in words.
  static func word(_ kind: Cause.Kind) -> String {
    switch kind {
    case .task: "another process"
    case .ownProcess: "its own process"
    case .interrupt: "interrupts"
    case .throttled: "throttled by a CPU quota"
    case .frozen: "frozen"
    case .idleCPU: "the CPU was idle"
    case .pageFault: "page fault"
    case .kernelLock: "lock of the kernel"
    case .fileLock: "file lock"
    case .idle: "waits for work"
    case .reclaim: "direct reclaim of memory"
    case .compaction: "compaction of memory"
    case .spin: "spins for a lock of the kernel"
    case .signal: "by a signal"
    case .tracer: "by a tracer"
    case .timer, .disk, .pipe, .socket, .futex, .child, .device, .memory, .other, .syscall, .unknown: kind.rawValue
    }
  }
}
