internal import ArgumentParser
internal import Session
internal import TraceFile
internal import TraceModel

/// What of a recording is reported.
struct RecordedTargetOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help:
      "Report on this process; may be given several times (default: all of the target, of other tools' recordings all tasks that made syscalls)."
  )
  var pid: [Int32] = []

  @Flag(help: "Report on the processes, too, that those of -p make.")
  var children = false

  @Option(
    help: ArgumentHelp(
      "Read this buffer of another tool's trace.dat alone; 'top' is the one without a name.", valueName: "name"))
  var instance: String?

  func validate() throws {
    if let wrong = pid.first(where: { $0 <= 0 }) {
      throw ValidationError("-p must be a process id above 0, not \(wrong)")
    }
    if children, pid.isEmpty { throw ValidationError("--children needs processes: add -p PID") }
  }

  /// Whether all tasks of the recording are reported.
  var isAll: Bool { pid.isEmpty }

  /// Those of `processes`, the target of a recording of this tool, that are meant; fails where one is not among them.
  func chosen(of processes: [NamedProcess]) throws(ToolError) -> [NamedProcess] {
    if isAll { return processes }
    for pid in pid where !processes.contains(where: { $0.pid == pid }) {
      let known = processes.prefix(5).map { "\($0.name) (\($0.pid))" }.joined(separator: ", ")
      throw ToolError(
        status: .noTarget, what: "process \(pid) is not of the target that was recorded",
        remedy: "the target was \(known)\(processes.count > 5 ? " and others" : "")")
    }
    return processes.filter { pid.contains($0.pid) }
  }

  /// Whether process `other`, which came to the target later, is reported.
  func takes(_ other: Int32) -> Bool { isAll || pid.contains(other) }

  /// The facts of the processes that are meant; fails where the recording tells nothing of one.
  func facts(_ tasks: RecordedTasks, begin: UInt64) throws(ToolError) -> RecordedFacts {
    for pid in pid where !tasks.all.contains(pid) {
      let others = tasks.earlier.prefix(5).map { "\(tasks.names[$0] ?? "") (\($0))" }.joined(separator: ", ")
      throw ToolError(
        status: .noTarget, what: "the recording tells nothing of a process \(pid)",
        remedy: "it tells of \(tasks.all.count) tasks, such as \(others)")
    }
    var seen: Set<Int32> = []
    let pids = isAll ? tasks.sampledProcesses : pid.filter { seen.insert($0).inserted }
    return RecordedFacts(tasks, begin: begin, pids: pids)
  }

  /// What is not known of the threads of these processes, a sentence each.
  func lacks(_ tasks: RecordedTasks) -> [String] {
    if !tasks.sampledProcesses.isEmpty {
      return [
        "No events of other processes: when a thread is woken, or gets a CPU that another process had, is not told."
      ]
    }
    if !tasks.earlierThreads.isEmpty { return [] }
    let others = tasks.earlier.filter { !pid.contains($0) }
    guard !isAll, !others.isEmpty else { return [] }
    let near = others.filter { other in pid.contains { other > $0 } }.prefix(3)
    let examples =
      near.isEmpty ? "" : ", such as \(near.map { "\(tasks.names[$0] ?? "") (\($0))" }.joined(separator: ", "))"
    return [
      "Which process a thread is of that was there at the beginning: -p takes the id of each that is meant\(examples)."
    ]
  }
}
