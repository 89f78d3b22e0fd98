package import TraceModel

/// Which code each process has, at each time that samples may still ask for.
///
/// A process is there from the first word of it on: its parent's `fork`, one of its mappings, or a list of them. It is over
/// when all of its threads have exited, as far as the records tell of its birth; `forgetEnded` then makes room.
package struct ProcessCodeTable {
  private struct Process {
    var code: ProcessCode
    /// The number of threads that have not exited; nil where nothing told of the process's birth, so that they are not known.
    var threads: Int?
    /// The time when the last of the process's threads exited, ns.
    var end: UInt64?
  }

  /// The most processes that are kept. It is the kernel's limit of tasks: what is beyond was never told to be over.
  static let limit = 1 << 22

  private let source: any CodeSource
  private var processes: [Int32: Process] = [:]
  /// The processes that are over and not yet forgotten, in the order of their ends.
  private var ended: [(pid: Int32, time: UInt64)] = []
  /// Processes of which memory without a file has taken the place of a file's code, and since when; see `mayHaveCopies`.
  private var suspects: Set<Int32> = []

  /// A table without processes. `source` has the files that they map.
  package init(source: any CodeSource) { self.source = source }

  /// How many processes are kept.
  package var count: Int { processes.count }

  /// The mappings of process `pid` at `time`, ns; none where nothing is known of it.
  package func space(of pid: Int32, at time: UInt64) -> AddressSpace {
    processes[pid]?.code.space(at: time) ?? AddressSpace()
  }

  /// Takes in what a process did. Changes of one process come in the order of time.
  package mutating func apply(_ change: ProcessChange) {
    // The kernel itself is process -1.
    guard change.pid >= 0 else { return }
    switch change.kind {
    case .mapped(let mapping): add([mapping], of: change.pid, at: change.timestamp)
    case .renamed(_, byExec: true): this(change.pid) { $0.code.removeAll(at: change.timestamp) }
    case .renamed: break
    case .created(let parent, _):
      if parent == change.pid {
        processes[change.pid]?.threads? += 1
      } else {
        fork(parent, to: change.pid, at: change.timestamp)
      }
    case .exited: exit(change.pid, at: change.timestamp)
    }
  }

  /// Takes in all mappings of process `pid` at `time`, ns, as `/proc/PID/maps` lists them; what was there before is gone.
  package mutating func replaceAll(_ mappings: [CodeMapping], of pid: Int32, at time: UInt64) {
    this(pid) {
      $0.code.removeAll(at: time)
      $0.end = nil
    }
    addAll(mappings, of: pid, at: time)
  }

  /// Takes in mappings of process `pid` of which some may be new at `time`, ns.
  package mutating func addAll(_ mappings: [CodeMapping], of pid: Int32, at time: UInt64) {
    add(mappings, of: pid, at: time)
  }

  /// Takes in those of the mappings of process `pid` that are copies of a file's code in its place, as they are since `time`, ns.
  package mutating func addCopies(_ mappings: [CodeMapping], of pid: Int32, at time: UInt64) {
    add(mappings.filter { !$0.neighbours.isEmpty }, of: pid, at: time)
    processes[pid]?.code.mayHaveCopies = nil
    suspects.remove(pid)
  }

  /// The processes in which memory without a file has taken the place of a file's code, and when it last did, ns, until
  /// `addCopies`. That memory may be a copy of the code, which only `/proc/PID/maps` tells.
  package var mayHaveCopies: [(pid: Int32, since: UInt64)] {
    suspects.isEmpty
      ? []
      : suspects.sorted().compactMap { pid in processes[pid]?.code.mayHaveCopies.map { (pid, $0) } }
  }

  /// Forgets the processes that were over before `time`, ns; to be called when no sample from before that will be asked for.
  package mutating func forgetEnded(before time: UInt64) {
    var count = 0
    while count < ended.count, ended[count].time < time {
      let (pid, end) = ended[count]
      // Since then another process may have got its number.
      if processes[pid]?.end == end { forget(pid) }
      count += 1
    }
    if count > 0 { ended.removeFirst(count) }
  }

  /// Forgets process `pid`, whatever it does.
  package mutating func forget(_ pid: Int32) {
    processes[pid] = nil
    suspects.remove(pid)
    source.forgetProcess(pid)
  }

  private mutating func fork(_ parent: Int32, to child: Int32, at time: UInt64) {
    let space = processes[parent]?.code.latest ?? AddressSpace()
    source.copyProcess(parent, to: child)
    suspects.remove(child)
    guard processes[child] != nil else {
      guard processes.count < Self.limit else { return }
      processes[child] = Process(code: ProcessCode(space), threads: 1)
      return
    }
    // Samples of the one that had the number before may still be asked for.
    this(child) {
      $0.code.replace(with: space, at: time)
      ($0.threads, $0.end) = (1, nil)
    }
  }

  private mutating func exit(_ pid: Int32, at time: UInt64) {
    guard let threads = processes[pid]?.threads, threads > 0 else { return }
    processes[pid]?.threads = threads - 1
    if threads == 1 { end(pid, at: time) }
  }

  /// Takes note that process `pid` was over at `time`, ns, as something else than the records tells.
  package mutating func end(_ pid: Int32, at time: UInt64) {
    guard processes[pid] != nil, processes[pid]?.end == nil else { return }
    processes[pid]?.end = time
    ended.append((pid, time))
  }

  private mutating func add(_ mappings: [CodeMapping], of pid: Int32, at time: UInt64) {
    let source = source
    this(pid) { process in
      for mapping in mappings { process.code.add(mapping, of: pid, at: time, source) }
    }
    if processes[pid]?.code.mayHaveCopies != nil { suspects.insert(pid) }
  }

  /// Changes process `pid`, which begins to be known if it was not.
  private mutating func this(_ pid: Int32, _ change: (inout Process) -> Void) {
    guard processes[pid] != nil || processes.count < Self.limit else { return }
    change(&processes[pid, default: Process(code: ProcessCode())])
  }
}
