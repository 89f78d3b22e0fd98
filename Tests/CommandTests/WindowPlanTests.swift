import ArgumentParser
import Testing

@testable import kdelay_ftrace

struct WindowPlanTests {
  @Test func windowsFollowEachOtherAfterThePause() {
    var plan = WindowPlan(length: 500, pause: 100, count: 2)
    plan.schedule(at: 1000)
    #expect(plan.edge == 1000 && !plan.isOpen && !plan.isDone)
    plan.opened(at: 1000)
    #expect(plan.edge == 1500 && plan.isOpen && plan.index == 1)
    plan.closed(at: 1500)
    #expect(plan.edge == 1600 && !plan.isDone)
    plan.opened(at: 1600)
    plan.closed(at: 2100)
    #expect(plan.edge == nil && plan.isDone && plan.index == 2)
  }

  @Test func aWindowWithoutALengthStaysOpenUntilItIsCutShort() {
    var plan = WindowPlan(length: nil, pause: 0, count: 1)
    plan.opened(at: 10)
    #expect(plan.edge == nil)
    plan.cutShort(at: 77)
    #expect(plan.edge == 77 && !plan.isDone)
    plan.closed(at: 77)
    #expect(plan.isDone)
  }

  @Test func aWindowFoundLateClosesWhereTheStreamIs() {
    var plan = WindowPlan(length: 50, pause: 0, count: 1)
    plan.opened(at: 10, reached: 300)
    #expect(plan.edge == 300)
  }

  @Test func cuttingShortNeverMakesAWindowLonger() {
    var plan = WindowPlan(length: 50, pause: 0, count: 9)
    plan.opened(at: 10)
    plan.cutShort(at: 1000)
    #expect(plan.edge == 60)
    plan.closed(at: 60)
    #expect(plan.isDone)
  }

  @Test func aWindowThatIsDueIsStillReported() {
    var plan = WindowPlan(length: 500, pause: 0, count: 3)
    plan.schedule(at: 100)
    plan.cutShort(at: 120)
    #expect(plan.edge == 100 && !plan.isDone)
    plan.opened(at: 100)
    #expect(plan.edge == 120)
    plan.closed(at: 120)
    #expect(plan.isDone)
  }

  @Test func cuttingShortInAPauseEndsIt() {
    var plan = WindowPlan(length: 50, pause: 1000, count: 2)
    plan.opened(at: 10)
    plan.closed(at: 60)
    plan.cutShort(at: 70)
    #expect(plan.isDone)
  }
}

struct DrainIntervalTests {
  @Test func aBusyStreamIsReadMoreOftenAndAQuietOneLess() {
    var interval = DrainInterval(bufferBytes: 32 << 20)
    for _ in 0..<20 { interval.adapt(toBytes: 0) }
    let quiet = interval.length
    for _ in 0..<20 { interval.adapt(toBytes: 64 << 20) }
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

  @Test func optionsOfOtherVersionsAreRefusedByName() {
    for option in [
      "--start-trigger=t:a:b", "--stop-trigger=x", "-s", "--syscall-events", "--trigger-delta", "--skip-upcall-stats",
    ] {
      #expect(message(option)?.contains("not available in this version") == true, "\(option)")
    }
  }

  @Test func aPidAndACommandExcludeEachOther() {
    #expect(message("-p", "1", "--", "true") == "give either -p PID or -- COMMAND, not both")
  }
}
