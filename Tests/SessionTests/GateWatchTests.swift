import Testing
import TraceModel

@testable import Session

struct GateWatchTests {
  private func trigger(_ kind: EventKind, _ tid: Int32, _ time: UInt64) -> Event {
    Event(timestamp: time, tid: tid, kind: kind, cpu: 0)
  }

  @Test func onlyAnotherThreadsRecentStopMakesAWindowUncertain() throws {
    for (tid, time, isUncertain) in [(7, 2_500_000, false), (8, 2_500_000, true), (8, 3_100_000, false)] {
      var watch = GateWatch()
      watch.note(trigger(.stopTrigger, 9, 1_000_000))
      watch.note(trigger(.stopTrigger, 7, 2_000_000))
      _ = watch.opened(by: trigger(.startTrigger, Int32(tid), UInt64(time)), closesGate: true)
      #expect(watch.isUncertain == isUncertain, "\(tid) at \(time)")
    }
  }

  @Test func aGateThatIsKeptOpenFailsNobody() {
    var watch = GateWatch()
    watch.note(trigger(.stopTrigger, 7, 2_000_000))
    watch.keptOpen(at: 2_100_000)
    let forgets = watch.opened(by: trigger(.startTrigger, 8, 2_200_000), closesGate: false)
    let forgetsAgain = watch.opened(by: trigger(.startTrigger, 8, 2_300_000), closesGate: false)
    #expect(!watch.isUncertain && forgets && !forgetsAgain)
  }

  @Test func withoutAGateNothingIsForgotten() {
    var watch = GateWatch()
    let forgets = watch.opened(by: trigger(.startTrigger, 8, 2_200_000), closesGate: nil)
    #expect(!forgets)
  }
}
