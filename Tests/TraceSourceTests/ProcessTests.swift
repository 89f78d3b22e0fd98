import Testing

@testable import TraceSource

struct ProcessTests {
  @Test func aNameMayHoldParenthesesAndSpaces() throws {
    let status = try #require(
      ProcessStatus.parse(
        "12 (a) (b c)) S 3 12 12 0 -1 4194560 100 0 0 0 17 5 0 0 20 0 1 0 987654 1000 200 18446744073709551615"))
    #expect(status.name == "a) (b c)")
    #expect(status.state == "S" && status.parent == 3)
    #expect(status.userTicks == 17 && status.kernelTicks == 5 && status.startTime == 987654)
    #expect(!status.isKernelThread)
  }

  @Test func noiseIsNoStatus() {
    for noise in ["", "1 (x", "1 x) S", ")(", "1 (x) S 2"] { #expect(ProcessStatus.parse(noise) == nil) }
  }

  @Test func anInstancesNameTellsItsOwner() throws {
    let owner = try #require(InstanceOwner(instanceName: "kdelay-12-345"))
    #expect(owner == InstanceOwner(pid: 12, startTime: 345))
    #expect(owner.instanceName == "kdelay-12-345")
    for other in ["kdelay", "kdelay-12", "kdelay-x-1", "perf-1-2", "kdelay-1-2-3", ""] {
      #expect(InstanceOwner(instanceName: other) == nil)
    }
  }

  @Test func thisProcessRunsAndAReusedPidDoesNot() {
    let own = InstanceOwner.current
    #expect(own.isRunning)
    #expect(!InstanceOwner(pid: own.pid, startTime: own.startTime + 1).isRunning)
  }

  @Test func buffersStayWithinAnEighthOfTheMemory() {
    #expect(BufferSize.choose(availableKiB: 16 << 20, cpus: 2) == 32 * 1024)
    #expect(BufferSize.choose(availableKiB: 16 << 20, cpus: 128) == 16 * 1024)
    #expect(BufferSize.choose(availableKiB: 1024, cpus: 64) == 1024)
    #expect(BufferSize.kibibytes(pages: 1000) == 4096)
  }
}
