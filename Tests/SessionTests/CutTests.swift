import TestSupport
import Testing
import TraceModel

@testable import Session

/// Every way to end a session, times every way to open and close its windows.
struct CutTests {
  private static let openings: [(WindowPlan.Opening, WindowPlan.Closing, [EventKind])] = [
    (.time, .after(40), []), (.time, .end, []), (.time, .trigger, [.stopTrigger]),
    (.trigger, .after(40), [.startTrigger]), (.trigger, .trigger, [.startTrigger, .stopTrigger]),
    (.trigger, .trigger, [.startStopTrigger]),
  ]

  /// The same windows by the rule in one sentence: from each opening to the first closing behind it, or to the cut.
  private func expected(
    _ opening: WindowPlan.Opening, _ closing: WindowPlan.Closing, _ triggers: [(EventKind, UInt64)], pause: UInt64,
    count: Int, shortest: UInt64, cut: UInt64
  ) -> [[UInt64]] {
    var windows: [[UInt64]] = []
    var from: UInt64 = 0
    // The triggers that are left.
    var rest = triggers.filter { $0.1 < cut }[...]
    while windows.count < count, from < cut {
      var start = from
      if opening == .trigger {
        rest = rest.drop { $0.0 == .stopTrigger || $0.1 < from }
        guard let opener = rest.first else { break }
        start = opener.1
        rest.removeFirst()
      }
      var stop = cut
      if case .after(let length) = closing { stop = min(cut, start + length) }
      rest = rest.drop { $0.1 < start }
      let closer = closing == .trigger ? rest.first { $0.0 != .startTrigger } : nil
      if let closer {
        stop = closer.1
        rest = rest.drop { $0.1 <= stop }
        // With one trigger for both and no pause, what closes one window opens the next.
        if closer.0 == .startStopTrigger, pause == 0 { rest = [closer] + rest }
      }
      if closer == nil || stop - start >= shortest { windows.append([start, stop]) }
      from = stop + pause
    }
    return windows
  }

  /// However late a cut becomes known, and by whatever windows open and close: what was recorded before it is reported.
  @Test func whatWasRecordedBeforeTheCutIsReportedHoweverLateItIsRead() {
    var random = SplitMix64(state: 1)
    var compared = 0
    for round in 0..<4000 {
      let (opening, closing, kinds) = Self.openings[round % Self.openings.count]
      let pause = UInt64.random(in: 0...1, using: &random) * UInt64.random(in: 1...30, using: &random)
      let shortest = UInt64.random(in: 0...1, using: &random) * UInt64.random(in: 1...20, using: &random)
      let count = [1, 3, 1000].randomElement(using: &random) ?? 1
      let cut = UInt64.random(in: 1...400, using: &random)
      var time: UInt64 = 0
      var triggers: [(EventKind, UInt64)] = []
      while time < 500, let kind = kinds.randomElement(using: &random) {
        time += UInt64.random(in: 1...30, using: &random)
        triggers.append((kind, time))
      }
      let knownAt = Int.random(in: 0...(triggers.count { $0.1 < cut }), using: &random)
      let script = SessionScript(
        .script(
          start: opening == .trigger, stop: closing == .trigger, length: closing.length, pause: pause, count: count,
          shortest: shortest))
      script.begin()
      for (position, (kind, time)) in triggers.enumerated() {
        if position == knownAt { script.cutShort(at: cut) }
        script.record(kind, at: time)
        if Bool.random(using: &random) { script.read(upTo: time + 1) }
      }
      script.cutShort(at: cut)
      script.read(upTo: 1000)
      let expected = expected(
        opening, closing, triggers, pause: pause, count: count, shortest: shortest, cut: cut)
      let windows = script.windows
      #expect(windows == expected, "round \(round): \(opening), \(closing), cut at \(cut): \(triggers)")
      #expect(script.isDone)
      compared += expected.count
    }
    #expect(compared > 8000)
  }
}

extension WindowPlan.Closing {
  fileprivate var length: UInt64? { if case .after(let length) = self { length } else { nil } }
}
