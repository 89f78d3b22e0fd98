import Aggregator
import ArgumentParser
import TestSupport
import Testing
import TraceModel

@testable import kdelay_ftrace

struct WindowPlanTests {
  @Test func windowsFollowEachOtherAfterThePause() {
    var plan = WindowPlan(closing: .after(500), pause: 100, count: 2)
    plan.schedule(at: 1000)
    #expect(plan.edge == 1000 && !plan.isOpen && !plan.isDone)
    plan.opened(at: 1000)
    #expect(plan.edge == 1500 && plan.isOpen && plan.index == 1)
    plan.closed(at: 1500)
    #expect(plan.edge == 1600 && !plan.isDone)
    plan.opened(at: 1600)
    plan.closed(at: 2100)
    #expect(plan.edge == nil && plan.isDone && plan.index == 3)
  }

  @Test func aWindowWithoutALengthStaysOpenUntilItIsCutShort() {
    var plan = WindowPlan(closing: .end, pause: 0, count: 1)
    plan.opened(at: 10)
    #expect(plan.edge == nil)
    plan.cutShort(at: 77)
    #expect(plan.edge == 77 && !plan.isDone)
    plan.closed(at: 77)
    #expect(plan.isDone)
  }

  @Test func aWindowFoundLateClosesWhereTheStreamIs() {
    var plan = WindowPlan(closing: .after(50), pause: 0, count: 1)
    plan.opened(at: 10, reached: 300)
    #expect(plan.edge == 300)
  }

  @Test func cuttingShortNeverMakesAWindowLonger() {
    var plan = WindowPlan(closing: .after(50), pause: 0, count: 9)
    plan.opened(at: 10)
    plan.cutShort(at: 1000)
    #expect(plan.edge == 60)
    plan.closed(at: 60)
    // Others follow up to the cut.
    #expect(plan.edge == 60 && !plan.isDone)
  }

  @Test func aWindowThatIsDueIsStillReported() {
    var plan = WindowPlan(closing: .after(500), pause: 0, count: 3)
    plan.schedule(at: 100)
    plan.cutShort(at: 120)
    #expect(plan.edge == 100 && !plan.isDone)
    plan.opened(at: 100)
    #expect(plan.edge == 120)
    plan.closed(at: 120)
    #expect(plan.isDone)
  }

  @Test func aCutBeforeTheStreamShowsWhatOpensTheFirstWindowStillWaitsForIt() {
    var plan = WindowPlan(closing: .end, pause: 0, count: 1)
    plan.cutShort(at: 77)
    #expect(plan.edge == 77 && !plan.isDone)
    var opened = plan
    opened.opened(at: 70)
    #expect(opened.edge == 77 && opened.isOpen)
    let step = plan.stepAtEdge()
    #expect(step == .nothing && plan.isDone)
  }

  @Test func cuttingShortInAPauseEndsIt() {
    var plan = WindowPlan(closing: .after(50), pause: 1000, count: 2)
    plan.opened(at: 10)
    plan.closed(at: 60)
    plan.cutShort(at: 70)
    #expect(plan.isDone)
  }
}

/// Does with a plan what a session does: follows a stream of triggers, and collects the windows as [start, stop].
private struct PlanDriver {
  private(set) var windows: [[UInt64]] = []
  private var start: UInt64 = 0

  private mutating func close(_ plan: inout WindowPlan, at time: UInt64, byTrigger: Bool) {
    let counts = !byTrigger || !plan.isTooShort(from: start, to: time)
    if counts { windows.append([start, time]) }
    plan.closed(at: time, counts: counts)
  }

  /// Everything up to `time` is in the stream now.
  mutating func reach(_ plan: inout WindowPlan, _ time: UInt64) {
    while let edge = plan.edge, edge <= time {
      switch plan.stepAtEdge() {
      case .close: close(&plan, at: edge, byTrigger: false)
      case .open:
        start = edge
        plan.opened(at: edge)
      default: break
      }
    }
  }

  mutating func feed(_ plan: inout WindowPlan, _ kind: EventKind, _ time: UInt64) {
    reach(&plan, time)
    let step = plan.step(on: kind, at: time)
    if step == .close || step == .closeAndOpen { close(&plan, at: time, byTrigger: true) }
    if step == .open || step == .closeAndOpen {
      start = time
      plan.opened(at: time)
    }
  }
}

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
      var plan = WindowPlan(opening: opening, closing: closing, pause: pause, count: count, shortest: shortest)
      plan.schedule(at: 0)
      var driver = PlanDriver()
      for (position, (kind, time)) in triggers.enumerated() {
        if position == knownAt { plan.cutShort(at: cut) }
        driver.feed(&plan, kind, time)
      }
      plan.cutShort(at: cut)
      driver.reach(&plan, 1000)
      let expected = expected(
        opening, closing, triggers, pause: pause, count: count, shortest: shortest, cut: cut)
      #expect(driver.windows == expected, "round \(round): \(opening), \(closing), cut at \(cut): \(triggers)")
      #expect(plan.isDone)
      compared += expected.count
    }
    #expect(compared > 8000)
  }
}

struct TriggerPlanTests {
  private func plan(
    stop: Bool = true, pause: UInt64 = 0, count: Int = 100, shortest: UInt64 = 0
  ) -> WindowPlan {
    var plan = WindowPlan(
      opening: .trigger, closing: stop ? .trigger : .after(50), pause: pause, count: count, shortest: shortest)
    plan.schedule(at: 1000)
    return plan
  }

  private func windows(_ plan: inout WindowPlan, _ triggers: [(EventKind, UInt64)]) -> [[UInt64]] {
    var driver = PlanDriver()
    for (kind, time) in triggers { driver.feed(&plan, kind, time) }
    return driver.windows
  }

  @Test func fromTheFirstStartToTheFirstStopAfterIt() {
    var plan = plan()
    let windows = windows(
      &plan,
      [
        (.startTrigger, 900), (.stopTrigger, 1001), (.startTrigger, 1010), (.startTrigger, 1020), (.stopTrigger, 1030),
        (.stopTrigger, 1040), (.startTrigger, 1050), (.stopTrigger, 1050),
      ])
    #expect(windows == [[1010, 1030], [1050, 1050]])
    #expect(plan.waitsForTrigger && plan.index == 3)
  }

  @Test func aStartTriggerAloneOpensWindowsOfALength() {
    var plan = plan(stop: false, count: 2)
    let windows = windows(
      &plan, [(.startTrigger, 1010), (.startTrigger, 1030), (.startTrigger, 1070), (.startTrigger, 1200)])
    #expect(windows == [[1010, 1060], [1070, 1120]])
    #expect(plan.isDone)
  }

  @Test func aStopTriggerAloneClosesWhatTheTimeOpens() {
    var plan = WindowPlan(closing: .trigger, pause: 20, count: 3)
    plan.schedule(at: 1000)
    let windows = windows(&plan, [1010, 1020, 1100, 1150].map { (.stopTrigger, $0) })
    #expect(windows == [[1000, 1010], [1030, 1100], [1120, 1150]])
  }

  @Test func oneTriggerForBothMakesWindowsBackToBack() {
    var plan = plan(count: 3)
    let windows = windows(&plan, [1010, 1020, 1030, 1040, 1050].map { (.startStopTrigger, $0) })
    #expect(windows == [[1010, 1020], [1020, 1030], [1030, 1040]])
    #expect(plan.isDone)
  }

  @Test func aPauseLeavesTriggersOut() {
    var both = plan(pause: 15)
    let backToBack = windows(&both, [1010, 1020, 1030, 1040, 1050].map { (.startStopTrigger, $0) })
    #expect(backToBack == [[1010, 1020], [1040, 1050]])
    var pair = plan(pause: 15)
    let pairs = windows(
      &pair,
      [
        (.startTrigger, 1010), (.stopTrigger, 1020), (.startTrigger, 1030), (.stopTrigger, 1034), (.startTrigger, 1035),
        (.stopTrigger, 1036),
      ])
    #expect(pairs == [[1010, 1020], [1035, 1036]])
  }

  @Test func shortWindowsDoNotCount() {
    var plan = plan(count: 2, shortest: 10)
    let windows = windows(
      &plan,
      [
        (.startTrigger, 1010), (.stopTrigger, 1019), (.startTrigger, 1020), (.stopTrigger, 1030), (.startTrigger, 1040),
        (.stopTrigger, 1049), (.startTrigger, 1060), (.stopTrigger, 1071),
      ])
    #expect(windows == [[1020, 1030], [1060, 1071]])
    #expect(plan.isDone)
    var both = self.plan(count: 1, shortest: 10)
    #expect(self.windows(&both, [1010, 1015, 1030].map { (.startStopTrigger, $0) }) == [[1015, 1030]])
  }

  @Test func theEndClosesWhatATriggerWouldHaveAndEndsTheWait() {
    var open = plan()
    #expect(windows(&open, [(.startTrigger, 1010)]).isEmpty)
    open.cutShort(at: 1100)
    let step = open.stepAtEdge()
    #expect(open.edge == 1100 && step == .close)
    open.closed(at: 1100)
    #expect(open.isDone)
    var waiting = plan()
    waiting.cutShort(at: 1100)
    // What came before the cut may still be in the stream.
    #expect(windows(&waiting, [(.startTrigger, 1050), (.stopTrigger, 1060), (.startTrigger, 1101)]) == [[1050, 1060]])
    #expect(waiting.isDone)
  }
}

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

struct TriggerSpecTests {
  @Test func everyKindIsRead() throws {
    let expected: [(String, TriggerSpec)] = [
      ("t:sched:sched_switch", .tracepoint(system: "sched", event: "sched_switch", filter: nil)),
      (
        "trace:a:b if prev_pid == 3 && x ~ \"c:*\"",
        .tracepoint(system: "a", event: "b", filter: "prev_pid == 3 && x ~ \"c:*\"")
      ),
      ("k:f", .kernelFunction("f", isReturn: false)),
      ("kprobe:f.isra.0+0x10", .kernelFunction("f.isra.0+0x10", isReturn: false)),
      ("kr:openvswitch:f", .kernelFunction("openvswitch:f", isReturn: true)),
      ("up:main", .function(nil, "main")), ("uprobe:/lib/x.so:f+16", .function("/lib/x.so", "f", 16)),
      ("up:n::C::operator+(int)", .function(nil, "n::C::operator+(int)")),
      ("up:/a:n::f+0x1f", .function("/a", "n::f", 31)), ("ur:f", .function(nil, "f", isReturn: true)),
      ("upr:f", .function(nil, "f", isReturn: true)), ("uretprobe:/a:f", .function("/a", "f", isReturn: true)),
      ("u:p:q", .usdt(UserPlace(file: nil, USDTName(provider: "p", probe: "q")))),
      ("usdt:/a:p:q", .usdt(UserPlace(file: "/a", USDTName(provider: "p", probe: "q")))),
      ("usdt:/a:b.so:p:q", .usdt(UserPlace(file: "/a:b.so", USDTName(provider: "p", probe: "q")))),
      ("u:libc:libc:setjmp", .usdt(UserPlace(file: "libc", USDTName(provider: "libc", probe: "setjmp")))),
    ]
    for (text, spec) in expected { #expect(try TriggerSpec.parse(text) == spec, "\(text)") }
  }

  @Test func aFileMayHaveColonsAndMayBeNamedWithoutItsPath() throws {
    func readings(_ text: String) throws -> [String] {
      guard case .userFunction(let place, _) = try TriggerSpec.parse(text) else { return [] }
      return place.readings.map { "\($0.file ?? "-") \($0.what.symbol)+\($0.what.offset)" }
    }
    #expect(try readings("up:/dir/lib:colon.so:f+4") == ["/dir/lib:colon.so f+4", "/dir/lib colon.so:f+4"])
    #expect(try readings("up:libc.so.6:f") == ["libc.so.6 f+0", "- libc.so.6:f+0"])
    #expect(try readings("up:./a:b:f") == ["./a:b f+0", "./a b:f+0", "- ./a:b:f+0"])
    // Names of C++ have two colons.
    #expect(try readings("up:n::f") == ["- n::f+0"])
    #expect(try readings("up:/a/b:n::C::f") == ["/a/b n::C::f+0"])
  }

  @Test func whatIsNoTriggerIsRefused() {
    for bad in [
      "", "main", ":", "x:y", "t:", "t:a", "t:a:b:c", "t:a:b if ", "t:a b:c", "t:../x:y", "k:", "k:a:b:c", "k:a b",
      "k:f+x", "kr:f+4", "up:", "up:/a:", "up:f+0xz", "ur:f+1", "u:a", "u::a:b", "u::", "u:/a:b", "k:f+1 g", "K:f",
    ] {
      #expect(throws: TriggerSpec.Failure.self, "\(bad)") { try TriggerSpec.parse(bad) }
    }
  }
}

extension TriggerSpec {
  fileprivate static func function(
    _ file: String?, _ symbol: String, _ offset: UInt64 = 0, isReturn: Bool = false
  ) -> TriggerSpec {
    .userFunction(UserPlace(file: file, UserFunction(symbol: symbol, offset: offset)), isReturn: isReturn)
  }
}

struct DrainIntervalTests {
  @Test func aBusyStreamIsReadMoreOftenAndAQuietOneLess() {
    var interval = DrainInterval(bufferBytes: 32 << 20)
    for _ in 0..<20 { interval.adapt(toFilled: 0) }
    let quiet = interval.length
    for _ in 0..<20 { interval.adapt(toFilled: 2) }
    let busy = interval.length
    #expect(quiet == 100_000_000 && busy == 2_000_000)
  }
}

struct OptionTests {
  private func message(_ arguments: String...) -> String? {
    do {
      _ = try KernelDelay.parseAsRoot(arguments)
      return nil
    } catch { return KernelDelay.message(for: error) }
  }

  @Test func everyNumberIsChecked() {
    for bad in [
      "--sample-time=0", "--sample-time=-1", "--sample-time=nan", "--sample-time=1e300", "--sample-count=0",
      "--sample-interval=-1", "--sample-interval=inf", "--buffer-page-count=0", "--pid=0", "--pid=-5",
    ] { #expect(message(bad) != nil, "\(bad)") }
    #expect(message("--sample-time=0.001", "--sample-count=3", "-p", "1", "-D", "--format", "json") == nil)
  }

  @Test func slowSyscallsHaveStacksUnlessTheyAreNotWanted() {
    func command(_ arguments: String...) -> LiveCommand? { try? KernelDelay.parseAsRoot(arguments) as? LiveCommand }
    #expect(command("-s")?.syscallEventFilter == SyscallEventFilter(threshold: nil, skipsPoll: false))
    #expect(
      command("-s", "1000", "--skip-syscall-poll-events")?.syscallEventFilter
        == SyscallEventFilter(threshold: 1000, skipsPoll: true))
    #expect(command("--syscall-events=7")?.stackOptions?.dumpSize == 8192)
    #expect(command("-s", "--stack-trace-size", "0")?.stackOptions == nil)
    #expect(command("-s", "--user-stacks", "none", "--no-kernel-stacks")?.stackOptions == nil)
    #expect(command("-s", "--user-stacks", "fp")?.stackOptions?.user == .framePointers)
    #expect(command("--stack-trace-size", "9")?.stackOptions == nil)
    for bad in [
      "--stack-trace-size=-1", "--stack-dump-size=7", "--stack-dump-size=65529", "--max-stack=0", "--user-stacks=x",
    ] {
      #expect(message(bad) != nil, "\(bad)")
    }
  }

  @Test func aPidAndACommandExcludeEachOther() {
    #expect(message("-p", "1", "--", "true") == "give either -p PID or -- COMMAND, not both")
  }
}
