import Testing
import TraceModel

@testable import Aggregator

/// Processes that the target makes: not watched, but counted.
struct ChildProcessTests {
  @Test func childrenOfAWindowAreThoseThatLivedInIt() {
    var script = Script(threads: [100], windowFrom: 1000)
    script.newTask(by: 100, 200, isThread: false, at: 1100)
    script.newTask(by: 100, 201, isThread: false, at: 1200)
    script.exit(200, at: 1300)
    #expect(script.finish(at: 2000).childrenNotWatched == 2)
    script.aggregator.startWindow(at: 2000)
    #expect(script.finish(at: 3000).childrenNotWatched == 1)
    script.exit(201, at: 3500)
    script.aggregator.startWindow(at: 4000)
    #expect(script.finish(at: 5000).childrenNotWatched == 0)
    #expect(script.aggregator.children.seen == 2)
  }

  @Test func threadsOfTheTargetAreNoChildren() {
    var script = Script(threads: [100], windowFrom: 1000)
    script.newTask(by: 100, 101, at: 1100)
    script.newTask(by: 101, 200, isThread: false, at: 1200)
    #expect(script.finish(at: 2000).childrenNotWatched == 1)
  }

  @Test func aProcessLivesAsLongAsItsLastThread() {
    var script = Script(threads: [100], windowFrom: 1000)
    script.newTask(by: 100, 200, isThread: false, at: 1100)
    script.newTask(by: 200, 201, at: 1200)
    script.exit(200, at: 1300)
    #expect(script.aggregator.children.living == [200])
    script.exit(201, at: 1400)
    #expect(script.aggregator.children.living == [])
  }

  @Test func childrenOfChildrenLiveOnButAreNoChildren() {
    var script = Script(threads: [100], windowFrom: 1000)
    script.newTask(by: 100, 200, isThread: false, at: 1100)
    script.newTask(by: 200, 300, isThread: false, at: 1200)
    script.exit(200, at: 1300)
    #expect(script.aggregator.children.living == [300])
    #expect(script.finish(at: 2000).childrenNotWatched == 1)
  }

  @Test func anExecByAnotherThreadLeavesOneThread() {
    var script = Script(threads: [100], windowFrom: 1000)
    script.newTask(by: 100, 200, isThread: false, at: 1100)
    script.newTask(by: 200, 201, at: 1200)
    script.exit(200, at: 1300)
    script.exec(200, was: 201, at: 1301)
    #expect(script.aggregator.children.living == [200])
    script.exit(200, at: 1400)
    #expect(script.aggregator.children.living == [])
  }

  @Test func whatProcShowsIsCountedOnce() {
    var script = Script(threads: [100], windowFrom: 1000)
    script.aggregator.children.observe(200, isChild: true)
    script.aggregator.children.observe(300, isChild: false)
    script.aggregator.children.observe(201, isChild: true)
    #expect(script.aggregator.children.unfollowed == [200, 201, 300])
    // Its event was still to be read.
    script.newTask(by: 100, 201, isThread: false, at: 1100)
    #expect(script.aggregator.children.unfollowed == [200, 300])
    #expect(script.finish(at: 2000).childrenNotWatched == 2)
    script.aggregator.children.processEnded(200)
    script.aggregator.startWindow(at: 2000)
    #expect(script.finish(at: 3000).childrenNotWatched == 1)
  }

  @Test func strangersAreNotCounted() {
    var script = Script(threads: [100], windowFrom: 1000)
    script.newTask(by: 999, 1000, isThread: false, at: 1100)
    script.exit(1000, at: 1200)
    #expect(script.finish(at: 2000).childrenNotWatched == 0)
  }

  @Test func theNameOfAProcessIsItsFirstThreadsAndOutlivesIt() {
    var script = Script(threads: [1], windowFrom: 1000)
    script.rename(1, to: 7, at: 1100)
    script.exit(1, at: 1200)
    #expect(script.aggregator.processName(of: 1) == 7)
    #expect(script.aggregator.processName(of: 2) == nil)
  }
}
