import Glibc
import SystemPackage
import Testing
import TraceFormat
import TraceModel

@testable import TraceSource

/// Stack samples of several processes.
struct SampledProcessesTests {
  private func change(_ kind: ProcessChange.Kind, _ pid: Int32, _ tid: Int32? = nil, at time: UInt64 = 1)
    -> ProcessChange
  {
    ProcessChange(timestamp: time, pid: pid, tid: tid ?? pid, kind: kind)
  }

  @Test func eventsStayAsLongAsSomebodyHasInheritedThem() {
    var processes = SampledProcesses(followsChildren: true)
    processes.add(10)
    processes.cover(10, of: 10)
    processes.note(change(.created(parentPid: 10, parentTid: 10), 20))
    processes.note(change(.created(parentPid: 20, parentTid: 20), 30))
    #expect(processes.covers(30, of: 30))
    for pid in [10, 20] as [Int32] {
      processes.note(change(.exited, pid))
      #expect(processes.takeDoubtful().map(\.pid) == [pid])
      processes.remove(pid)
      #expect(processes.takeExtinct().isEmpty)
    }
    processes.remove(30)
    #expect(processes.takeExtinct().count == 1)
    #expect(processes.takeExtinct().isEmpty)
  }

  @Test func childrenThatAreNotFollowedHaveNoEvents() {
    var processes = SampledProcesses(followsChildren: false)
    processes.add(10)
    processes.note(change(.created(parentPid: 10, parentTid: 10), 20))
    processes.note(change(.created(parentPid: 10, parentTid: 10), 10, 11))
    #expect(processes.pids == [10] && processes.covers(11, of: 10))
  }

  @Test func theEndOfEventsByAnExecIsToldFromTheEndOfAThread() {
    var processes = SampledProcesses(followsChildren: false)
    for pid in [10, 20] as [Int32] {
      processes.add(pid)
      processes.cover(pid, of: pid)
    }
    processes.note(change(.renamed("sudo", byExec: true), 10))
    processes.note(change(.renamed("sudo", byExec: true), 20))
    processes.note(change(.renamed("other", byExec: false), 20))
    processes.note(change(.exited, 10, at: 7))
    processes.note(change(.exited, 20, at: 8))
    let doubtful = processes.takeDoubtful()
    #expect(doubtful.map(\.pid) == [10, 20] && doubtful.map(\.endedByExec) == [true, false])
    #expect(doubtful.map(\.leaderEnd) == [7, 8])
    #expect(processes.takeDoubtful().isEmpty)
  }

  @Test func aPidThatIsUsedAgainIsANewProcess() {
    var processes = SampledProcesses(followsChildren: true)
    processes.add(10)
    processes.cover(10, of: 10)
    for _ in 0..<2 {
      processes.note(change(.created(parentPid: 10, parentTid: 10), 20))
      #expect(processes.covers(20, of: 20))
      processes.note(change(.exited, 20))
      #expect(!processes.covers(20, of: 20))
    }
    #expect(processes.pids.sorted() == [10, 20])
  }
}

/// On this kernel, with shells that fork. They fail where CI is set and root or tracefs are missing.
@Suite(.serialized, .enabled(if: geteuid() == 0 || getenv("CI") != nil, "needs root"))
struct PerfProcessesTests {
  private struct Run: ~Copyable {
    var source: PerfEventSource
    var store = StackSampleStore(byteLimit: 64 << 20, largestStack: 1024)
    var changes: [ProcessChange] = []

    init(followsChildren: Bool) throws {
      source = try PerfEventSource(
        MountedTracefs.find().tracefs, sampling: StackSampling(threshold: 1_000_000, stackBytes: 1024),
        followsChildren: followsChildren, ringBytes: 0)
    }

    mutating func attach(_ pids: [Int32]) throws {
      try source.attach(to: pids.map { TargetProcess(pid: $0, name: "") }, &store, changes: &changes)
    }

    mutating func drain() {
      usleep(10_000)
      source.drain(before: MonotonicClock.now - Settling.time, into: &store, changes: &changes)
      _ = source.reopen(&store, changes: &changes)
    }

    /// Drains until the command has ended.
    mutating func follow(_ command: inout CommandProcess) {
      while !command.hasEnded() { drain() }
      drain()
    }

    /// The processes of the samples that the first threads of the command and of what it made have, by how many.
    mutating func samples(_ command: Int32) -> [Int32: Int] {
      var taken = FlatArray<StackSample>()
      for tid in forked.union([command]) { store.take(tid: tid, from: 0, to: .max, into: &taken) }
      return taken.elements.reduce(into: [:]) { $0[$1.pid, default: 0] += 1 }
    }

    /// Processes other than their parents that records tell of.
    var forked: Set<Int32> {
      Set(
        changes.compactMap { change in
          if case .created(let parent, _) = change.kind, change.pid != parent { change.pid } else { nil }
        })
    }
  }

  private static let script = "for i in 1 2 3; do sleep 0.02; done; (sleep 0.02; sleep 0.02) & wait"

  @Test func processesThatATargetMakesAreSampledWithTheirMappingsAndTakeNoDescriptors() throws {
    var command = try CommandProcess(starting: ["/bin/sh", "-c", Self.script])
    var run = try Run(followsChildren: true)
    try run.attach([command.pid])
    let events = run.source.eventCount
    try command.release()
    run.follow(&command)
    let forked = run.forked
    #expect(forked.count >= 5)
    let samples = run.samples(command.pid)
    #expect(Set(samples.keys).isSuperset(of: forked.union([command.pid])))
    for pid in forked {
      #expect(
        run.changes.contains { change in
          if case .mapped = change.kind { change.pid == pid } else { false }
        })
    }
    // What has a ring stays.
    #expect(run.source.eventCount <= events)
    #expect(run.source.processes.pids.isEmpty)
  }

  @Test func withoutFollowingOnlyTheTargetsOwnSamplesAreKept() throws {
    var command = try CommandProcess(starting: ["/bin/sh", "-c", Self.script])
    var run = try Run(followsChildren: false)
    try run.attach([command.pid])
    try command.release()
    run.follow(&command)
    #expect(run.forked.count >= 4)
    let samples = run.samples(command.pid)
    #expect(Set(samples.keys) == [command.pid])
  }

  @Test func processesThatComeLaterAreSampledAndGiveTheirDescriptorsBack() throws {
    var first = try CommandProcess(starting: ["/bin/sh", "-c", "sleep 10"])
    var run = try Run(followsChildren: true)
    try run.attach([first.pid])
    try first.release()
    let events = run.source.eventCount
    for _ in 0..<3 {
      var other = try CommandProcess(starting: ["/bin/sh", "-c", "sleep 0.02; sleep 0.02; :"])
      try run.attach([other.pid])
      #expect(run.source.eventCount > events)
      try other.release()
      run.follow(&other)
      let count = run.samples(other.pid)[other.pid] ?? 0
      #expect(count > 0)
    }
    #expect(run.source.eventCount == events)
    #expect(run.source.processes.pids.contains(first.pid))
    first.terminate()
  }

  @Test func aProcessThatCannotBeSampledLeavesTheOthersTheirEvents() throws {
    var first = try CommandProcess(starting: ["/bin/sh", "-c", Self.script])
    var other = try CommandProcess(starting: ["/bin/sh", "-c", ":"])
    var run = try Run(followsChildren: true)
    try run.attach([first.pid])
    let events = run.source.eventCount
    let refused = other.pid
    run.source.opener.failure = { tid, cpu in tid == refused && cpu > 0 ? .tooManyOpenFiles : nil }
    do {
      try run.attach([other.pid])
      #expect(run.source.cpus.max() == 0)
    } catch {
      let failure = try #require(error as? PerfEventFailure)
      #expect(failure.error == .tooManyOpenFiles && failure.captureError.what.contains("allowed"))
    }
    #expect(run.source.eventCount == events)
    try first.release()
    try other.release()
    run.follow(&first)
    let count = run.samples(first.pid)[first.pid] ?? 0
    #expect(count > 0)
    other.terminate()
  }
}
