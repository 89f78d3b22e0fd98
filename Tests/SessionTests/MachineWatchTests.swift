import Testing
import TraceModel

@testable import Session

struct MachineWatchTests {
  private let facts = ScriptedFacts()

  private func group(_ path: String = "/g", throttled: UInt64 = 0, isFrozen: Bool = false) -> ControlGroupFacts {
    ControlGroupFacts(path: path, hasQuota: true, throttledTime: throttled, isFrozen: isFrozen)
  }

  @Test func throttledTimeIsTheWindowsAlone() {
    var watch = MachineWatch(facts)
    facts.groups[7] = group(throttled: 1000)
    watch.open([7])
    facts.groups[7] = group(throttled: 1700)
    #expect(
      watch.close([7]).limits == [7: MachineObservation.ProcessLimits(path: "/g", hasQuota: true, throttledTime: 700)])
    watch.open([7])
    #expect(watch.close([7]).limits[7]?.throttledTime == 0)
  }

  @Test func anotherGroupsAccountIsNotTheProcesss() {
    var watch = MachineWatch(facts)
    facts.groups[7] = group("/a", throttled: 10)
    watch.open([7])
    facts.groups[7] = group("/b", throttled: 9000)
    #expect(watch.close([7]).limits[7]?.throttledTime == 0)
  }

  @Test func aFreezerIsFoundBetweenTheEdges() {
    var watch = MachineWatch(facts)
    facts.groups[7] = group()
    watch.open([7])
    facts.now = 100_000_000
    facts.groups[7] = group(isFrozen: true)
    watch.follow([7])
    facts.groups[7] = group()
    #expect(watch.close([7]).limits[7]?.wasFrozen == true)
    // It is no secret of the next window.
    watch.open([7])
    #expect(watch.close([7]).limits[7]?.wasFrozen == false)
  }

  @Test func looksHavePauses() {
    var watch = MachineWatch(facts)
    watch.open([7])
    watch.follow([7])
    let looks = facts.groupLooks
    facts.now = 49_000_000
    watch.follow([7])
    #expect(facts.groupLooks == looks)
    facts.now = 51_000_000
    watch.follow([7])
    #expect(facts.groupLooks == looks + 1)
  }

  @Test func whatWasFrozenAndHasEndedIsTold() {
    var watch = MachineWatch(facts)
    facts.groups[7] = group(isFrozen: true)
    watch.open([7])
    facts.groups = [:]
    #expect(watch.close([]).limits[7]?.wasFrozen == true)
  }

  @Test func pressureIsTheWindowsAlone() {
    var watch = MachineWatch(facts)
    facts.stalls = PressureFacts(some: ["cpu": 100, "io": 5])
    watch.open([])
    facts.stalls = PressureFacts(some: ["cpu": 350, "io": 5, "memory": 9])
    #expect(watch.close([]).pressure == ["cpu": 250, "io": 0])
    facts.stalls = nil
    #expect(watch.close([]).pressure.isEmpty)
  }
}
