internal import Glibc
internal import SystemCalls

/// Which processes are the target, as the operator says it. What several ways select is one target.
package struct TargetSelection: Sendable, Equatable {
  /// Processes by their ids.
  package var pids: [Int32]
  /// Patterns of names (glob(7)): of a process's first thread, or of its program's file.
  package var names: [String]
  /// Control groups by their paths, with the groups below them.
  package var cgroups: [String]
  /// Whether the processes below the selected ones are selected too.
  package var children: Bool

  package init(pids: [Int32] = [], names: [String] = [], cgroups: [String] = [], children: Bool = false) {
    self.pids = pids
    self.names = names
    self.cgroups = cgroups
    self.children = children
  }

  /// Whether processes that the target makes while it is watched belong to it: a group's and a name's do, as they inherit both.
  package var followsChildren: Bool { children || looksAgain }

  /// Whether processes can come to be the target's of which no event tells, so that `newProcesses` has to be asked at intervals.
  package var looksAgain: Bool { !names.isEmpty || !cgroups.isEmpty }

  /// A process as /proc shows it.
  struct Candidate: Equatable {
    var pid: Int32
    var parent: Int32
    var name: String
    /// Whether it runs, in user space.
    var isEligible = true
  }

  // MARK: Looking

  /// The processes that are there now, those that are named by their ids first. Without a selection it is the only one whose
  /// name contains `ovs-vswitchd`.
  ///
  /// Throws where a pid is none of a process that can be watched, where there is no such cgroup, and where nothing is selected.
  package func find() throws(CaptureError) -> [TargetProcess] {
    var named: [TargetProcess] = []
    for pid in pids where !named.contains(where: { $0.pid == pid }) {
      guard pid != getpid() else {
        throw CaptureError(.noTarget, "process \(pid) is kdelay-ftrace itself", remedy: "name another process")
      }
      named.append(try TargetProcess.find(pid: pid))
    }
    var groups: [ControlGroup] = []
    for path in cgroups { groups.append(try ControlGroup.find(path)) }
    if pids.isEmpty, !looksAgain { named = [try TargetProcess.findOnly(named: "ovs-vswitchd")] }
    let roots = named.map(\.pid)
    let others = Self.look { candidates in
      select(
        candidates, roots: roots, known: Set(roots), members: Self.members(of: groups), own: getpid(),
        program: Self.program)
    }
    guard !named.isEmpty || !others.isEmpty else { throw nothingFound }
    return named + others
  }

  /// The selected processes that are there now and are not among the `known` ones, which are the target's that live. Those that
  /// were named by their ids are not looked for again.
  package func newProcesses(known: Set<Int32>) -> [TargetProcess] {
    guard followsChildren else { return [] }
    let groups = cgroups.compactMap { try? ControlGroup.find($0) }
    return Self.look { candidates in
      select(
        candidates, roots: Array(known), known: known, members: Self.members(of: groups), own: getpid(),
        program: Self.program)
    }
  }

  private static func look(_ select: ([Candidate]) -> [Int32]) -> [TargetProcess] {
    let pids = ((try? SystemFiles.list("/proc")) ?? []).compactMap { Int32($0) }
    let candidates = pids.compactMap { pid in
      ProcessStatus.read(pid: pid).map { status in
        Candidate(
          pid: pid, parent: status.parent, name: status.name,
          isEligible: !status.isKernelThread && ProcessStatus.isAlive(pid, status))
      }
    }
    let names = Dictionary(candidates.map { ($0.pid, $0.name) }) { $1 }
    return select(candidates).map { TargetProcess(pid: $0, name: names[$0] ?? "") }
  }

  private static func members(of groups: [ControlGroup]) -> Set<Int32> {
    groups.reduce(into: []) { $0.formUnion($1.processes) }
  }

  /// The name of the file that a process runs; nil where that cannot be told.
  private static func program(of pid: Int32) -> String? {
    let link = "/proc/\(pid)/exe"
    guard let path = try? SystemFiles.link(link) else { return nil }
    return TargetPath.name(path, of: link, in: "/proc/\(pid)").split(separator: "/").last.map(String.init)
  }

  private var nothingFound: CaptureError {
    let missing = names.map { "no process has a name like '\($0)'" } + cgroups.map { "no process is in cgroup \($0)" }
    return CaptureError(
      .noTarget, missing.joined(separator: ", and "),
      remedy: names.isEmpty ? "`systemd-cgls` shows what is in a cgroup" : "`ps -e` shows the names that there are")
  }

  // MARK: Selecting

  /// The ids of the processes among `candidates` that are selected and not `known`, in ascending order.
  ///
  /// `roots`: processes of the target, below which others may be. `members`: the processes of the cgroups. `own`: this process,
  /// which is never selected, nor is what it has started and is no root. `program`: the name of a process's file.
  func select(
    _ candidates: [Candidate], roots: [Int32], known: Set<Int32>, members: Set<Int32>, own: Int32,
    program: (Int32) -> String?
  ) -> [Int32] {
    let tree = ProcessTree(candidates.map { ($0.pid, $0.parent) })
    let excluded = Set([own] + tree.descendants(of: [own], besides: Set(roots)))
    var selected: Set<Int32> = []
    for candidate in candidates where !excluded.contains(candidate.pid) {
      if members.contains(candidate.pid) || hasName(candidate, program) { selected.insert(candidate.pid) }
    }
    if children { selected.formUnion(tree.descendants(of: roots + Array(selected), besides: excluded)) }
    return candidates.filter { $0.isEligible && selected.contains($0.pid) && !known.contains($0.pid) }.map(\.pid)
      .sorted()
  }

  private func hasName(_ candidate: Candidate, _ program: (Int32) -> String?) -> Bool {
    guard candidate.isEligible, !names.isEmpty else { return false }
    func matches(_ name: String) -> Bool { names.contains { fnmatch($0, name, 0) == 0 } }
    return matches(candidate.name) || program(candidate.pid).map(matches) ?? false
  }
}
