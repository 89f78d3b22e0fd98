internal import Aggregator
internal import TraceModel
internal import Unwinder

/// What the target's processes have mapped as code, by time, as records and looks tell.
struct TargetMappings {
  /// The processes of the target that are known and have not ended.
  private(set) var processes: Set<Int32>
  private let followsChildren: Bool
  private let facts: any TargetFacts
  private var table: ProcessCodeTable
  /// Keeps looks to a share of the time.
  private var budget = LookBudget()

  /// The mappings of `processes`. `followsChildren`: whether processes that the target makes are the target's too.
  init(of processes: [Int32], followsChildren: Bool, source: any CodeSource, facts: any TargetFacts) {
    self.processes = Set(processes)
    self.followsChildren = followsChildren
    self.facts = facts
    table = ProcessCodeTable(source: source)
  }

  /// The mappings of process `pid` at `time`, ns.
  func space(of pid: Int32, at time: UInt64) -> AddressSpace { table.space(of: pid, at: time) }

  /// Takes in what processes did to themselves.
  mutating func apply(_ changes: [ProcessChange]) {
    for change in changes {
      if case .created(let parent, _) = change.kind, followsChildren, processes.contains(parent) {
        processes.insert(change.pid)
      }
      if processes.contains(change.pid) { table.apply(change) }
    }
    let suspects = Dictionary(table.mayHaveCopies.map { ($0.pid, $0.since) }) { $1 }
    guard !suspects.isEmpty else { return }
    look(at: suspects.keys) { $0.addCopies($2, of: $1, at: suspects[$1] ?? 0) }
  }

  /// Events have told of a process that began or ended.
  mutating func apply(_ change: TargetChange) {
    switch change.kind {
    case .born: processes.insert(change.pid)
    case .ended:
      processes.remove(change.pid)
      table.end(change.pid, at: change.time)
    }
  }

  /// Takes in all mappings that the processes have; nothing has told of them since `time`, ns.
  mutating func readAll(of pids: some Sequence<Int32>, since time: UInt64) {
    for pid in pids {
      processes.insert(pid)
      table.replaceAll(facts.codeMappings(of: pid), of: pid, at: time)
    }
  }

  /// Looks for new mappings of all processes, if it is time.
  mutating func lookForNew() {
    let now = facts.now
    look(at: processes) { table, pid, mappings in table.addAll(mappings, of: pid, at: now) }
  }

  private mutating func look(
    at pids: some Sequence<Int32>, _ take: (inout ProcessCodeTable, Int32, [CodeMapping]) -> Void
  ) {
    let start = facts.now
    guard budget.allows(at: start) else { return }
    for pid in pids { take(&table, pid, facts.codeMappings(of: pid)) }
    budget.spent(from: start, to: facts.now)
  }

  /// Forgets processes that were over before `time`, ns, and those that are none of the `living` any more without a word of it.
  mutating func forgetEnded(before time: UInt64, living: @autoclosure () -> [Int32]) {
    table.forgetEnded(before: time)
    guard processes.count > mostProcesses else { return }
    let living = Set(living())
    for pid in processes.subtracting(living) { table.end(pid, at: time) }
    processes.formIntersection(living)
    mostProcesses = 1024 + 2 * processes.count
  }

  /// The number of processes above which they are compared with those that live.
  private var mostProcesses = 1024
}
