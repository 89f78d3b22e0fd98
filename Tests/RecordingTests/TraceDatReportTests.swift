import Aggregator
import ArgumentParser
import Report
import Session
import Testing
import TraceFile
import TraceModel
import TraceTestSupport

@testable import kdelay_ftrace

/// What is reported of trace-cmd's recordings: `two-programs` knows what it did.
struct TraceDatReportTests {
  private func report(
    _ fixture: TraceDatFixture, _ arguments: [String] = []
  ) throws -> (result: WindowResult, lacks: [String]) {
    let target = try RecordedTargetOptions.parse(arguments)
    let capture = try RecordedCapture.open(fixture.path, instance: target.instance)
    let tasks = try capture.tasks()
    let facts = try target.facts(tasks, begin: capture.begin)
    var settings = SessionSettings(targets: facts.processes)
    settings.followsChildren = target.children || target.isAll
    let lacks = capture.lacks(tasks) + target.lacks(tasks)
    var session = RecordedSession(capture, settings, facts)
    var results: [WindowResult] = []
    try session.run { result, _ in results.append(result) }
    return (try #require(results.first), lacks)
  }

  private func calls(_ result: WindowResult, _ tid: Int32, _ number: Int32) -> UInt64 {
    result.snapshot.threads.filter { $0.tid == tid }.flatMap(\.syscalls).filter { $0.number == number }
      .reduce(0) { $0 + $1.durations.count }
  }

  // x86_64
  private let getppid: Int32 = 110
  private let getpgrp: Int32 = 111
  private let getsid: Int32 = 124
  private let getuid: Int32 = 102

  @Test(arguments: [TraceDatFixture.machine, .zlib, .version6])
  func callsAreThoseThatTheProgramMade(_ fixture: TraceDatFixture) throws {
    let (alpha, beta, rounds) = try fixture.answer()
    let (all, lacks) = try report(fixture)
    let late = try #require(all.snapshot.threads.first { calls(all, $0.tid, getsid) > 0 }).tid
    #expect(calls(all, alpha, getppid) == rounds && calls(all, beta, getuid) == 2 * rounds)
    #expect(calls(all, alpha + 2, getpgrp) == rounds && calls(all, late, getsid) == rounds)
    #expect(all.loss.undecodable == 0 && lacks.isEmpty)
    // The child of beta calls once.
    let children = all.snapshot.threads.filter { calls(all, $0.tid, getuid) == 1 }
    #expect(children.count == 1 && children[0].pid == children[0].tid)
  }

  /// The thread that alpha makes belongs to it; of the one that it had before nothing tells so.
  @Test func aProcessOfAMachineIsItsFirstThreadAndThoseThatItMakes() throws {
    let (alpha, beta, rounds) = try TraceDatFixture.machine.answer()
    let (one, lacks) = try report(.machine, ["-p", "\(alpha)"])
    #expect(one.snapshot.threads.count == 2 && one.snapshot.threads.allSatisfy { $0.pid == alpha })
    #expect(one.targetName == "alpha" && calls(one, alpha, getppid) == rounds)
    #expect(one.snapshot.threads.reduce(0) { $0 + calls(one, $1.tid, getsid) } == rounds)
    #expect(lacks.contains { $0.contains("alpha-helper (\(alpha + 2))") })
    let both = try report(.machine, ["-p", "\(alpha)", "-p", "\(alpha + 2)"]).result
    #expect(both.snapshot.threads.count == 3 && calls(both, alpha + 2, getpgrp) == rounds)
    let family = try report(.machine, ["-p", "\(beta)", "--children"]).result
    #expect(family.snapshot.threads.count == 2 && family.snapshot.processes.count == 2)
    let alone = try report(.machine, ["-p", "\(beta)"]).result
    #expect(alone.snapshot.threads.count == 1 && alone.snapshot.childrenNotWatched == 1)
  }

  @Test func aProcessThatIsMadeLaterLivesFromThenOn() throws {
    let fixture = TraceDatFixture.machine
    let (_, beta, _) = try fixture.answer()
    let birth = try #require(try fixture.lines().first { $0.event == "task_newtask" && $0.task == beta }).time
    let all = try report(fixture).result
    let child = try #require(all.snapshot.threads.first { calls(all, $0.tid, getuid) == 1 })
    let (result, _) = try report(fixture, ["-p", "\(child.tid)"])
    #expect(result.snapshot.threads.count == 1 && calls(result, child.tid, getuid) == 1)
    let end = try #require(try fixture.lines().first { $0.event == "sched_process_exit" && $0.task == child.tid }).time
    #expect(result.snapshot.threads[0].accounting.lifetime == end - birth)
  }

  @Test(arguments: [TraceDatFixture.instances, .instancesVersion6])
  func severalBuffersAreOneRecording(_ fixture: TraceDatFixture) throws {
    let (alpha, _, rounds) = try fixture.answer()
    let (result, lacks) = try report(fixture)
    let thread = try #require(result.snapshot.threads.first { $0.tid == alpha })
    #expect(calls(result, alpha, getppid) == rounds && thread.run.count > 0)
    #expect(lacks.contains { $0.contains("'local'") } && lacks.contains { $0.contains("sched:sched_wakeup") })
    let (calls, without) = try report(fixture, ["--instance", "calls"])
    #expect(calls.snapshot.threads.allSatisfy { $0.run.count == 0 })
    #expect(without.contains { $0.contains("sched:sched_switch") })
  }

  @Test func withoutSyscallsTheSchedulingIsReported() throws {
    let fixture = TraceDatFixture.scheduling
    let (alpha, _, _) = try fixture.answer()
    let (result, lacks) = try report(fixture, ["-p", "\(alpha)"])
    let thread = try #require(result.snapshot.threads.first)
    #expect(thread.run.count > 0 && thread.ready.count > 0 && thread.syscalls.isEmpty)
    #expect(lacks.contains { $0.hasPrefix("No raw_syscalls:sys_enter, raw_syscalls:sys_exit, which tell of syscall") })
  }

  @Test func aProcessThatIsNotThereIsSaid() throws {
    #expect(throws: ToolError.self) { _ = try report(.machine, ["-p", "99999"]) }
  }
}
