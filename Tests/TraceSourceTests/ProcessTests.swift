import Testing
import TraceModel

@testable import TraceSource

struct ProcessTests {
  @Test func aNameMayHoldParenthesesAndSpaces() throws {
    let status = try #require(
      ProcessStatus.parse(
        "12 (a) (b c)) S 3 12 12 0 -1 4194560 100 0 0 0 17 5 0 0 20 0 1 0 987654 1000 200 18446744073709551615"))
    #expect(status.name == "a) (b c)")
    #expect(status.state == "S" && status.parent == 3)
    #expect(status.userTicks == 17 && status.kernelTicks == 5 && status.startTime == 987654)
    #expect(!status.isKernelThread && !status.isExiting)
    // PF_EXITING: it is a D for a while yet.
    let exiting = "12 (a) D 3 12 12 0 -1 4194564 100 0 0 0 17 5 0 0 20 0 1 0 987654 1000 200 18446744073709551615"
    #expect(ProcessStatus.parse(exiting)?.isExiting == true && ProcessStatus.parse(exiting)?.isZombie == false)
  }

  @Test func noiseIsNoStatus() {
    for noise in ["", "1 (x", "1 x) S", ")(", "1 (x) S 2"] { #expect(ProcessStatus.parse(noise) == nil) }
  }

  @Test func anInstancesNameTellsItsOwner() throws {
    let owner = try #require(InstanceOwner(instanceName: "kdelay-12-345"))
    #expect(owner == InstanceOwner(pid: 12, startTime: 345))
    for purpose in [InstanceOwner.Purpose.data, .triggers, .stopTrigger, .calls] {
      #expect(InstanceOwner(instanceName: owner.instanceName(purpose)) == owner)
    }
    #expect(owner.instanceName() == "kdelay-12-345")
    #expect(InstanceOwner(probeGroupName: "kdelay_12_345") == owner && owner.probeGroupName == "kdelay_12_345")
    for other in ["kdelay_12", "kdelay_12_345_6", "kdelay-12-345", "probe_1_2"] {
      #expect(InstanceOwner(probeGroupName: other) == nil)
    }
    for other in ["kdelay", "kdelay-12", "kdelay-x-1", "perf-1-2", "kdelay-1-2-3", ""] {
      #expect(InstanceOwner(instanceName: other) == nil)
    }
  }

  @Test func thisProcessRunsAndAReusedPidDoesNot() {
    let own = InstanceOwner.current
    #expect(own.isRunning)
    #expect(!InstanceOwner(pid: own.pid, startTime: own.startTime + 1).isRunning)
    #expect(ProcessStatus.isAlive(own.pid, startTime: own.startTime))
    #expect(!ProcessStatus.isAlive(own.pid, startTime: own.startTime + 1))
  }

  @Test func buffersStayWithinAnEighthOfTheMemory() {
    #expect(BufferSize.choose(availableKiB: 16 << 20, cpus: 2) == 32 * 1024)
    #expect(BufferSize.choose(availableKiB: 16 << 20, cpus: 128) == 16 * 1024)
    #expect(BufferSize.choose(availableKiB: 1024, cpus: 64) == 1024)
    #expect(BufferSize.kibibytes(pages: 1000) == 4096)
  }

  @Test func mappedCodeIsListedOnceAndByTheLinkThatTheKernelHas() {
    let maps = """
      00400000-00401000 r--p 00000000 fe:00 17                                 /opt/a b/program
      00401000-00402000 r-xp 00001000 fe:00 17                                 /opt/a b/program
      7f0000000000-7f0000001000 r-xp 00000000 fe:00 18                         /lib/gone.so (deleted)
      7f0000001000-7f0000002000 r-xp 00002000 fe:00 18                         /lib/gone.so (deleted)
      7f0000003000-7f0000004000 rw-p 00000000 fe:00 19                         /lib/data
      7f0000005000-7f0000006000 r-xp 00000000 00:00 0                          [vdso]
      """
    #expect(
      CodeFile.mapped(CodeMapping.parse(maps), "/proc/5") == [
        CodeFile(path: "/opt/a b/program", link: "/proc/5/map_files/401000-402000"),
        CodeFile(path: "/lib/gone.so", link: "/proc/5/map_files/7f0000000000-7f0000001000"),
      ])
  }

  @Test func pathsAreThoseBelowTheProcesssOwnRoot() {
    let maps = """
      401000-402000 r-xp 00001000 08:01 42                                     /srv/root/bin/program
      402000-403000 r-xp 00001000 08:01 43                                     /srv/rootless/program
      """
    #expect(CodeMapping.parse(maps, root: "/srv/root").map(\.path) == ["/bin/program", "/srv/rootless/program"])
  }

  @Test func memoryWithoutAFileHasTheFilesOnItsSides() {
    let maps = """
      400000-401000 r--p 00000000 08:01 42                                     /bin/program
      401000-402000 r-xp 00001000 08:01 42                                     /bin/program
      402000-600000 r-xp 00000000 00:00 0
      600000-800000 r-xp 00000000 00:0f 99                                     /anon_hugepage (deleted)
      800000-801000 r-xp 00400000 08:01 42                                     /bin/program
      900000-901000 r-xp 00000000 00:00 0
      901000-902000 rw-p 00000000 00:00 0                                      [heap]
      902000-903000 r-xp 00000000 00:00 0
      """
    let mappings = CodeMapping.parse(maps)
    func piece(_ start: UInt64, _ offset: UInt64) -> CodeMapping {
      CodeMapping(
        start: start, length: 0x1000, fileOffset: offset, path: "/bin/program", deviceMajor: 8, deviceMinor: 1,
        inode: 42)
    }
    let (left, right) = (piece(0x401000, 0x1000), piece(0x800000, 0x400000))
    let none: [CodeMapping] = []
    #expect(mappings.map(\.neighbours) == [none, [left, right], [left, right], none, none, none])
  }
}
