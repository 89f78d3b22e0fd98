import Glibc
import SystemPackage
import Testing

@testable import TraceSource

/// Which processes are the target.
struct TargetSelectionTests {
  /// init, a kernel thread, a server with two workers of which one has a zombie below it, a stranger, and this tool, which was
  /// started by the server and has started a command.
  private static let machine: [TargetSelection.Candidate] = [
    .init(pid: 1, parent: 0, name: "init"), .init(pid: 2, parent: 0, name: "kthreadd", isEligible: false),
    .init(pid: 10, parent: 1, name: "server"), .init(pid: 11, parent: 10, name: "worker 1"),
    .init(pid: 12, parent: 10, name: "worker 2"), .init(pid: 13, parent: 12, name: "server", isEligible: false),
    .init(pid: 14, parent: 13, name: "orphan"), .init(pid: 20, parent: 1, name: "stranger"),
    .init(pid: 30, parent: 10, name: "server-tool"), .init(pid: 31, parent: 30, name: "server"),
  ]

  private func select(
    _ selection: TargetSelection, roots: [Int32] = [], known: Set<Int32>? = nil, members: Set<Int32> = [],
    programs: [Int32: String] = [:]
  ) -> [Int32] {
    selection.select(
      Self.machine, roots: roots, known: known ?? Set(roots), members: members, own: 30, program: { programs[$0] })
  }

  @Test func childrenAreAllBelowAProcessButWhatThisToolStarted() {
    let selection = TargetSelection(pids: [10], children: true)
    #expect(select(selection, roots: [10]) == [11, 12, 14])
    #expect(select(TargetSelection(pids: [10]), roots: [10]) == [])
    // A command is this tool's child, and the target.
    #expect(select(TargetSelection(pids: [31], children: true), roots: [31, 1]) == [10, 11, 12, 14, 20])
  }

  @Test func namesArePatternsOfThreadsAndPrograms() {
    #expect(select(TargetSelection(names: ["server"])) == [10])
    #expect(select(TargetSelection(names: ["worker*", "str?nger"])) == [11, 12, 20])
    #expect(select(TargetSelection(names: ["postgres"]), programs: [11: "postgres", 20: "bash"]) == [11])
    #expect(select(TargetSelection(names: ["*"])) == [1, 10, 11, 12, 14, 20])
    #expect(select(TargetSelection(names: ["work"])) == [])
  }

  @Test func membersOfACgroupThatRunAreSelectedOnce() {
    #expect(select(TargetSelection(cgroups: ["x"]), members: [2, 13, 20, 30, 31, 99]) == [20])
    #expect(select(TargetSelection(names: ["s*"], cgroups: ["x"]), members: [20, 11]) == [10, 11, 20])
    #expect(select(TargetSelection(cgroups: ["x"], children: true), members: [12]) == [12, 14])
  }

  @Test func whatIsKnownIsNotNew() {
    #expect(select(TargetSelection(names: ["worker*"]), known: [11]) == [12])
    #expect(select(TargetSelection(pids: [10], children: true), roots: [10, 12], known: [10, 12]) == [11, 14])
  }

  @Test func whetherOthersCanComeFollowsFromTheSelection() {
    #expect(!TargetSelection(pids: [1, 2]).followsChildren && !TargetSelection(pids: [1, 2]).looksAgain)
    #expect(TargetSelection(pids: [1], children: true).followsChildren)
    #expect(!TargetSelection(pids: [1], children: true).looksAgain)
    for selection in [TargetSelection(names: ["x"]), TargetSelection(cgroups: ["x"])] {
      #expect(selection.followsChildren && selection.looksAgain)
    }
    #expect(TargetSelection(pids: [getppid()]).newProcesses(known: []).isEmpty)
  }

  // MARK: This machine

  @Test func realProcessesAreFoundByEachOfTheWays() throws {
    let command = try CommandProcess(starting: ["/bin/sleep", "10"])
    let pid = command.pid
    #expect(try TargetSelection(pids: [pid, getppid(), pid]).find().map(\.pid) == [pid, getppid()])
    // Until its exec it has this program's name; what this process has started is left out unless it is named.
    let own = try #require(ProcessStatus.read(pid: getpid())?.name)
    let same = (try? TargetSelection(names: [own]).find()) ?? []
    #expect(!same.contains { [getpid(), pid].contains($0.pid) })
    let above = try TargetSelection(pids: [getppid()], children: true).find().map(\.pid)
    #expect(above.first == getppid() && !above.contains(getpid()) && !above.contains(pid))
    let parent = try #require(ProcessStatus.read(pid: getppid())?.name)
    let found = try TargetSelection(names: [parent]).find()
    #expect(found.contains { $0.pid == getppid() && $0.name == parent })
    let again = TargetSelection(names: [parent]).newProcesses(known: Set(found.map(\.pid)))
    #expect(!again.contains { $0.pid == getppid() })
  }

  @Test func whatIsNotThereIsSaid() throws {
    func error(_ selection: TargetSelection) -> CaptureError? {
      do throws(CaptureError) {
        _ = try selection.find()
        return nil
      } catch {
        return error
      }
    }
    let missing = error(TargetSelection(pids: [getppid(), 0x3FFF_FFFF]))
    #expect(missing?.code == .noTarget && missing?.what.contains("1073741823") == true)
    #expect(error(TargetSelection(pids: [getpid()]))?.what.contains("itself") == true)
    let name = error(TargetSelection(names: ["no-such-*"]))
    #expect(name?.code == .noTarget && name?.what == "no process has a name like 'no-such-*'")
    #expect(error(TargetSelection(cgroups: ["/no/such/group"]))?.code == .noTarget)
  }
}

/// Where a control group is.
struct ControlGroupTests {
  private static let hybrid = MountTable(
    """
    tmpfs /sys/fs/cgroup tmpfs rw 0 0
    cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu 0 0
    cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
    """)
  private static let unified = MountTable("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")

  @Test func aPathIsOneOfAHierarchyOrOfTheFileSystem() {
    let slice = "system.slice/a b.service"
    #expect(ControlGroup.candidates(slice, in: Self.unified) == ["/sys/fs/cgroup/\(slice)"])
    #expect(ControlGroup.candidates("/\(slice)/", in: Self.unified) == ["/sys/fs/cgroup/\(slice)"])
    #expect(ControlGroup.candidates("/sys/fs/cgroup/\(slice)", in: Self.unified) == ["/sys/fs/cgroup/\(slice)"])
    #expect(ControlGroup.candidates("/", in: Self.unified) == ["/sys/fs/cgroup"])
    let both = ["/sys/fs/cgroup/unified/\(slice)", "/sys/fs/cgroup/cpu,cpuacct/\(slice)"]
    #expect(ControlGroup.candidates(slice, in: Self.hybrid) == both)
    #expect(ControlGroup.candidates("/sys/fs/cgroup/\(slice)", in: Self.hybrid) == both)
    #expect(
      ControlGroup.candidates("/sys/fs/cgroup/cpu,cpuacct/x", in: Self.hybrid) == ["/sys/fs/cgroup/cpu,cpuacct/x"])
    #expect(ControlGroup.candidates("../../etc", in: Self.hybrid) == [])
  }

  /// With groups of this kernel's, of both versions where it has both mounted.
  @Test(.enabled(if: geteuid() == 0, "needs root")) func processesOfAGroupAndOfThoseBelowItAreFound() throws {
    let mounts = try MountTable.read().mounts.filter {
      $0.type == "cgroup2" || $0.type == "cgroup" && ["pids", "freezer"].contains($0.path.split(separator: "/").last)
    }
    let name = "kdelay-test-\(getpid())"
    for mount in mounts {
      let (group, below) = ("\(mount.path)/\(name)", "\(mount.path)/\(name)/below")
      guard mkdir(group, 0o755) == 0 else { continue }
      defer { rmdir(group) }
      try #require(mkdir(below, 0o755) == 0)
      defer { rmdir(below) }
      var first = try CommandProcess(starting: ["/bin/sleep", "10"])
      var second = try CommandProcess(starting: ["/bin/sleep", "10"])
      defer {
        first.terminate()
        second.terminate()
      }
      #expect(try ControlGroup.find(name).processes.isEmpty)
      for (group, pid) in [(group, first.pid), (below, second.pid)] {
        let file = try FileDescriptor.open(FilePath("\(group)/cgroup.procs"), .writeOnly)
        _ = try file.closeAfter { try file.writeAll("\(pid)".utf8) }
      }
      #expect(try ControlGroup.find(group).processes == [first.pid, second.pid])
      #expect(try ControlGroup.find(name).processes == [first.pid, second.pid])
    }
  }
}
