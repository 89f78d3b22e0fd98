import Testing
import TraceModel

@testable import Session

/// What triggers do to windows, as a session cuts them from the stream.
struct TriggerWindowTests {
  private func session(
    stop: Bool = true, pause: UInt64 = 0, count: Int = 100, shortest: UInt64 = 0
  ) -> SessionScript {
    let script = SessionScript(
      .script(start: true, stop: stop, length: stop ? nil : 50, pause: pause, count: count, shortest: shortest))
    script.begin(at: 1000)
    return script
  }

  private func windows(_ script: SessionScript, _ triggers: [(EventKind, UInt64)]) -> [[UInt64]] {
    for (kind, time) in triggers { script.record(kind, at: time) }
    script.read(upTo: (triggers.last?.1 ?? 0) + 1)
    return script.windows
  }

  @Test func fromTheFirstStartToTheFirstStopAfterIt() {
    let script = session()
    let windows = windows(
      script,
      [
        (.startTrigger, 900), (.stopTrigger, 1001), (.startTrigger, 1010), (.startTrigger, 1020), (.stopTrigger, 1030),
        (.stopTrigger, 1040), (.startTrigger, 1050), (.stopTrigger, 1050),
      ])
    #expect(windows == [[1010, 1030], [1050, 1050]])
    #expect(script.windowCount == 2 && !script.isDone)
  }

  @Test func aStartTriggerAloneOpensWindowsOfALength() {
    let script = session(stop: false, count: 2)
    let windows = windows(
      script, [(.startTrigger, 1010), (.startTrigger, 1030), (.startTrigger, 1070), (.startTrigger, 1200)])
    #expect(windows == [[1010, 1060], [1070, 1120]])
    #expect(script.isDone)
  }

  @Test func aStopTriggerAloneClosesWhatTheTimeOpens() {
    let script = SessionScript(.script(stop: true, pause: 20, count: 3))
    script.begin(at: 1000)
    let windows = windows(script, [1010, 1020, 1100, 1150].map { (.stopTrigger, $0) })
    #expect(windows == [[1000, 1010], [1030, 1100], [1120, 1150]])
  }

  @Test func oneTriggerForBothMakesWindowsBackToBack() {
    let script = session(count: 3)
    let windows = windows(script, [1010, 1020, 1030, 1040, 1050].map { (.startStopTrigger, $0) })
    #expect(windows == [[1010, 1020], [1020, 1030], [1030, 1040]])
    #expect(script.isDone)
  }

  @Test func aPauseLeavesTriggersOut() {
    let both = session(pause: 15)
    let backToBack = windows(both, [1010, 1020, 1030, 1040, 1050].map { (.startStopTrigger, $0) })
    #expect(backToBack == [[1010, 1020], [1040, 1050]])
    let pair = session(pause: 15)
    let pairs = windows(
      pair,
      [
        (.startTrigger, 1010), (.stopTrigger, 1020), (.startTrigger, 1030), (.stopTrigger, 1034), (.startTrigger, 1035),
        (.stopTrigger, 1036),
      ])
    #expect(pairs == [[1010, 1020], [1035, 1036]])
  }

  @Test func shortWindowsDoNotCount() {
    let script = session(count: 2, shortest: 10)
    let windows = windows(
      script,
      [
        (.startTrigger, 1010), (.stopTrigger, 1019), (.startTrigger, 1020), (.stopTrigger, 1030), (.startTrigger, 1040),
        (.stopTrigger, 1049), (.startTrigger, 1060), (.stopTrigger, 1071),
      ])
    #expect(windows == [[1020, 1030], [1060, 1071]])
    #expect(script.isDone)
    let both = session(count: 1, shortest: 10)
    #expect(self.windows(both, [1010, 1015, 1030].map { (.startStopTrigger, $0) }) == [[1015, 1030]])
  }

  @Test func theEndClosesWhatATriggerWouldHaveAndEndsTheWait() {
    let open = session()
    open.record(.startTrigger, at: 1010)
    open.cutShort(at: 1100)
    open.read(upTo: 1200)
    #expect(open.windows == [[1010, 1100]] && open.isDone)
    #expect(open.results[0].startTrigger == "t:a:start" && open.results[0].stopTrigger == nil)
    let waiting = session()
    waiting.cutShort(at: 1100)
    // What came before the cut may still be in the stream.
    #expect(windows(waiting, [(.startTrigger, 1050), (.stopTrigger, 1060), (.startTrigger, 1101)]) == [[1050, 1060]])
    #expect(waiting.isDone)
  }
}
