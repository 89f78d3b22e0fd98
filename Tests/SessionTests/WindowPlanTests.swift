import Testing

@testable import Session

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
