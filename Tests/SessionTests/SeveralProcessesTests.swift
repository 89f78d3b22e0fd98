import Aggregator
import Testing
import TraceModel

@testable import Session

/// Processes that come to the target beside the one that it begins with, 7.
struct SeveralProcessesTests {
  private let getppid: Int32 = 110
  private let other = NamedProcess(pid: 8, name: "other")

  private func script() -> SessionScript {
    var settings = SessionSettings.script(length: 1000)
    settings.followsChildren = true
    let script = SessionScript(settings)
    script.facts.threadsByProcess[8] = [ThreadFacts(tid: 8, pid: 8, name: "other", state: .runnable)]
    script.facts.abis[8] = .i386
    return script
  }

  @Test func oneThatCameBeforeTheBeginIsWatchedFromTheFirstWindowOn() {
    let script = script()
    script.session.begin(&script.stream.names, besides: [other])
    script.call(getppid, from: 1, to: 2, tid: 8)
    script.read(upTo: 2000)
    #expect(script.results[0].count(of: getppid, tid: 8) == 1)
    #expect(script.results[0].snapshot.processes.map(\.pid) == [7, 8])
    #expect(script.results[0].snapshot.processes.map(\.abi) == [.x86_64, .i386])
  }

  @Test func oneThatIsAddedIsTheTargetsFromThenOnWithANumberingOfItsOwn() {
    let script = script()
    script.begin()
    script.call(getppid, from: 10, to: 20, tid: 8)
    script.facts.now = 100
    script.session.add(other)
    script.call(getppid, from: 110, to: 120, tid: 8)
    script.call(getppid, from: 130, to: 140, tid: 8)
    script.read(upTo: 2000)
    #expect(script.results[0].count(of: getppid, tid: 8) == 2)
    #expect(script.results[0].snapshot.processes.map(\.abi) == [.x86_64, .i386])
  }

  @Test func theTargetHasNotEndedWhileOneIsAdded() {
    let script = script()
    script.begin()
    script.record(.exit, at: 50, 7)
    script.read(upTo: 90)
    #expect(script.session.targetEnd == 50)
    script.facts.now = 100
    script.session.add(other)
    #expect(script.session.targetEnd == nil)
    script.read(upTo: 200)
    #expect(script.session.targetEnd == nil)
    #expect(script.session.livingProcesses == [8])
    script.record(.exit, at: 250, tid: 8, 8)
    script.read(upTo: 300)
    #expect(script.session.targetEnd == 250)
  }
}
