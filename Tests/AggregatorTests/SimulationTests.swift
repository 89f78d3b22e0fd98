import TestSupport
import Testing
import TraceModel

@testable import Aggregator

/// A small machine: threads of the target and one stranger on a few CPUs, doing random things. It knows the truth, since
/// it makes it: plain sums by name, kept without the aggregator's shortcuts.
private struct Machine {
  struct Truth: Equatable {
    var spent: [String: UInt64] = [:]
    var syscalls: [Int32: (count: UInt64, total: UInt64)] = [:]
    var run: (count: UInt64, total: UInt64) = (0, 0)
    var ready: (count: UInt64, total: UInt64) = (0, 0)
    var stopped: (count: UInt64, total: UInt64) = (0, 0)
    var softIRQ: (count: UInt64, total: UInt64) = (0, 0)
    var hardIRQ: (count: UInt64, total: UInt64) = (0, 0)

    static func == (left: Truth, right: Truth) -> Bool { "\(left)" == "\(right)" }
  }

  struct Task {
    /// running, ready, S, D, T
    var state = "ready"
    var cpu = -1
    var syscall: (number: Int32, start: UInt64)?
    var soft: UInt64?
    var hard: UInt64?
    var since: UInt64
    var changed: UInt64
    var truth = Truth()
  }

  static let stranger: Int32 = 1
  var random: SplitMix64
  var time: UInt64 = 1000
  var tasks: [Int32: Task] = [:]
  /// What runs on each CPU; 0: idle.
  var running: [Int32]
  var events: [Event] = []

  init(seed: UInt64) {
    random = SplitMix64(state: seed)
    running = Array(repeating: 0, count: Int.random(in: 1...4, using: &random))
    for tid in 10..<Int32(10 + Int.random(in: 1...6, using: &random)) {
      tasks[tid] = Task(since: time, changed: time)
    }
  }

  mutating func step() {
    time += UInt64.random(in: 1...50, using: &random)
    let cpu = Int.random(in: 0..<running.count, using: &random)
    let tid = running[cpu]
    switch Int.random(in: 0..<12, using: &random) {
    case 0...2: switchTask(cpu)
    case 3, 4: wakeSomebody(cpu)
    case 5, 6: if tid >= 10 { softIRQ(tid, cpu) }
    case 7: if tid >= 10 { hardIRQ(tid, cpu) }
    default: if tid >= 10, tasks[tid]!.soft == nil, tasks[tid]!.hard == nil { syscall(tid, cpu) }
    }
  }

  private mutating func emit(_ kind: EventKind, _ cpu: Int, _ subject: Int32, _ detail: Int32 = 0) {
    events.append(
      Event(
        timestamp: time, tid: running[cpu], kind: kind, cpu: UInt16(cpu), subject: subject, detail: detail))
  }

  /// Books the time since the last change under what the task has been doing.
  mutating func book(_ tid: Int32) {
    var task = tasks[tid]!
    var doing = task.state
    if doing == "running" {
      doing = task.hard != nil ? "hard" : task.soft != nil ? "soft" : task.syscall != nil ? "syscall" : "user"
    }
    task.truth.spent[doing, default: 0] += time - task.since
    task.since = time
    tasks[tid] = task
  }

  private mutating func switchTask(_ cpu: Int) {
    let old = running[cpu]
    if old >= 10, tasks[old]!.soft != nil || tasks[old]!.hard != nil { return }
    let candidates = tasks.filter { $0.value.state == "ready" }.keys.sorted() + [0, Self.stranger]
    let new = candidates.randomElement(using: &random)!
    if new == old || new == Self.stranger && running.contains(Self.stranger) { return }
    let state = ["S", "D", "T", "ready"].randomElement(using: &random)!
    emit(.contextSwitch, cpu, new, ["S": 1, "D": 2, "T": 4, "ready": 0][state]!)
    if old >= 10 {
      book(old)
      tasks[old]!.truth.run.count += 1
      tasks[old]!.truth.run.total += time - tasks[old]!.changed
      tasks[old]!.state = state
      tasks[old]!.changed = time
    }
    if new >= 10 {
      book(new)
      tasks[new]!.truth.ready.count += 1
      tasks[new]!.truth.ready.total += time - tasks[new]!.changed
      tasks[new]!.state = "running"
      tasks[new]!.changed = time
    }
    running[cpu] = new
  }

  private mutating func wakeSomebody(_ cpu: Int) {
    guard let tid = tasks.keys.sorted().randomElement(using: &random) else { return }
    emit(.wakeup, cpu, tid)
    let state = tasks[tid]!.state
    guard state != "running", state != "ready" else { return }  // a wake-up for nothing
    book(tid)
    if state == "T" {
      tasks[tid]!.truth.stopped.count += 1
      tasks[tid]!.truth.stopped.total += time - tasks[tid]!.changed
    }
    tasks[tid]!.state = "ready"
    tasks[tid]!.changed = time
  }

  private mutating func softIRQ(_ tid: Int32, _ cpu: Int) {
    guard tasks[tid]!.hard == nil else { return }
    book(tid)
    if let start = tasks[tid]!.soft {
      emit(.softIRQExit, cpu, 3)
      tasks[tid]!.truth.softIRQ.count += 1
      tasks[tid]!.truth.softIRQ.total += time - start
      tasks[tid]!.soft = nil
    } else {
      emit(.softIRQEntry, cpu, 3)
      tasks[tid]!.soft = time
    }
  }

  private mutating func hardIRQ(_ tid: Int32, _ cpu: Int) {
    book(tid)
    if let start = tasks[tid]!.hard {
      emit(.hardIRQExit, cpu, 27, 1)
      tasks[tid]!.truth.hardIRQ.count += 1
      tasks[tid]!.truth.hardIRQ.total += time - start
      tasks[tid]!.hard = nil
    } else {
      emit(.hardIRQEntry, cpu, 27)
      tasks[tid]!.hard = time
    }
  }

  private mutating func syscall(_ tid: Int32, _ cpu: Int) {
    book(tid)
    if let (number, start) = tasks[tid]!.syscall {
      emit(.syscallExit, cpu, number)
      let known = tasks[tid]!.truth.syscalls[number] ?? (0, 0)
      tasks[tid]!.truth.syscalls[number] = (known.count + 1, known.total + time - start)
      tasks[tid]!.syscall = nil
    } else {
      let number = Int32.random(in: 0..<5, using: &random)
      emit(.syscallEnter, cpu, number)
      tasks[tid]!.syscall = (number, time)
    }
  }
}

struct SimulationTests {
  /// Everything a random machine did is found again, exactly.
  @Test(arguments: 0..<200)
  func theTruthIsFoundAgain(_ seed: Int) {
    var machine = Machine(seed: UInt64(seed))
    let start = machine.time
    var script = Script()
    for tid in machine.tasks.keys.sorted() {
      script.newTask(by: 0, tid, at: start)
    }
    // The simulated threads exist, and are ready and outside a syscall, when the window opens.
    for tid in machine.tasks.keys.sorted() {
      script.aggregator.observe(ThreadObservation(pid: 1, tid: tid, name: 0, state: .runnable, mode: .user), at: start)
    }
    script.aggregator.startWindow(at: start)
    for tid in machine.tasks.keys.sorted() {
      script.aggregator.resolve(tid: tid, running: false, mode: .user)
      // From here on its waiting counts as an interval too.
      script.switchTask(from: tid, state: 0, to: 0, at: start)
    }
    for _ in 0..<2000 { machine.step() }
    machine.time += 10
    for tid in machine.tasks.keys { machine.book(tid) }
    script.feed(machine.events)
    let snapshot = script.finish(at: machine.time)

    // The switch that each thread began with ended a run whose beginning nobody saw; nothing else is given up.
    #expect(snapshot.discardedIntervals == UInt64(machine.tasks.count))
    for (tid, task) in machine.tasks {
      let thread = snapshot.thread(tid)
      let truth = task.truth
      let names: [(AccountingState, String)] = [
        (.user, "user"), (.syscall, "syscall"), (.hardIRQ, "hard"), (.softIRQ, "soft"), (.ready, "ready"),
        (.blockedInterruptible, "S"), (.blockedUninterruptible, "D"), (.stopped, "T"),
      ]
      for (state, name) in names {
        #expect(thread.accounting[state] == truth.spent[name] ?? 0, "\(tid) \(name)")
      }
      #expect(thread.accounting[.unknown] == 0)
      #expect(thread.statesNotCharged == [])
      #expect(thread.accounting.lifetime == machine.time - start)
      #expect((thread.run.count, thread.run.total) == truth.run)
      #expect((thread.ready.count, thread.ready.total) == truth.ready)
      #expect((thread.stopped.count, thread.stopped.total) == truth.stopped)
      let soft = thread.softIRQs.first?.durations ?? IntervalStatistic()
      #expect((soft.count, soft.total) == truth.softIRQ)
      let hard = thread.hardIRQs.first?.durations ?? IntervalStatistic()
      #expect((hard.count, hard.total) == truth.hardIRQ)
      for (number, known) in truth.syscalls {
        let durations = thread.syscall(number)?.durations ?? IntervalStatistic()
        #expect((durations.count, durations.total) == known)
      }
      #expect(thread.syscalls.count == truth.syscalls.count)
    }
  }

  /// Local events of different CPUs may come in any order: the merger gives out each CPU's together. It does so where events
  /// are missing too.
  @Test(arguments: 0..<100)
  func theOrderOfTwoCPUsLocalEventsChangesNothing(_ seed: Int) {
    var machine = Machine(seed: UInt64(seed))
    let (start, tids) = (machine.time, machine.tasks.keys.sorted())
    for _ in 0..<2000 { machine.step() }
    for events in [machine.events, withGaps(machine.events, cpus: machine.running.count, seed)] {
      var reordered: [Event] = []
      for part in events.split(omittingEmptySubsequences: false, whereSeparator: { !$0.kind.isLocal }) {
        for cpu in 0..<UInt16(machine.running.count) { reordered += part.filter { $0.cpu == cpu } }
        if part.endIndex < events.endIndex { reordered.append(events[part.endIndex]) }
      }
      var inOrder = Script(threads: tids, windowFrom: start)
      var inGroups = Script(threads: tids, windowFrom: start)
      inOrder.feed(events)
      inGroups.feed(reordered)
      #expect(reordered.count == events.count)
      #expect(inGroups.finish(at: machine.time + 10) == inOrder.finish(at: machine.time + 10))
    }
  }

  /// The same events, of which now and then some of a CPU's are missing.
  private func withGaps(_ events: [Event], cpus: Int, _ seed: Int) -> [Event] {
    var random = SplitMix64(state: UInt64(seed) + 3000)
    var left: [Event] = []
    var isMissing = Array(repeating: false, count: cpus)
    for event in events {
      let cpu = Int(event.cpu)
      if Int.random(in: 0..<40, using: &random) == 0 {
        left.append(
          Event(
            timestamp: event.timestamp, tid: 0, kind: isMissing[cpu] ? .gapEnd : .gapStart, cpu: event.cpu, value: 1))
        isMissing[cpu].toggle()
      }
      if !isMissing[cpu] { left.append(event) }
    }
    return left
  }

  /// Events in one run show what the same events show one at a time.
  @Test(arguments: 0..<200)
  func runsAreNoMoreThanTheirEvents(_ seed: Int) {
    var random = SplitMix64(state: UInt64(seed) + 2000)
    var time: UInt64 = 1000
    var events: [Event] = []
    for _ in 0..<500 {
      // Syscalls that follow each other, and now and then something between them that does not belong there.
      time += UInt64.random(in: 0...20, using: &random)
      let number = [0, 0, 0, 1, 7, 15, 335, -1].randomElement(using: &random)!
      for kind in [EventKind.syscallEnter, .syscallExit] {
        time += UInt64.random(in: 0...200, using: &random)
        let isOdd = Int.random(in: 0..<20, using: &random) == 0
        events.append(
          Event(
            timestamp: isOdd ? time - 500 : time, tid: Int.random(in: 0..<10, using: &random) == 0 ? 11 : 10,
            kind: isOdd ? EventKind(rawValue: UInt8.random(in: 0...11, using: &random))! : kind,
            cpu: UInt16.random(in: 0...1, using: &random), subject: Int32(isOdd ? 10 : number),
            value: [0, 0, -1, -38, -4096].randomElement(using: &random)!))
      }
    }
    for threshold in [nil, 0, 100, 1_000_000] as [UInt64?] {
      let filter = threshold.map { SyscallEventFilter(threshold: $0, skipsPoll: false) }
      var whole = Script(threads: [10, 11], windowFrom: 1000, syscallEvents: filter)
      var single = Script(threads: [10, 11], windowFrom: 1000, syscallEvents: filter)
      whole.feed(events)
      for event in events { single.feed([event]) }
      #expect(whole.finish(at: time + 100) == single.finish(at: time + 100))
    }
  }

  /// Events that make no sense, in any order of kinds: the accounts still add up.
  @Test(arguments: 0..<200)
  func nonsenseStillAddsUp(_ seed: Int) {
    var random = SplitMix64(state: UInt64(seed) + 1000)
    var script = Script(threads: [10, 11, 12], windowFrom: 1000, causes: seed % 2 == 0 ? .target : .machine)
    var time: UInt64 = 1000
    for _ in 0..<3000 {
      time += UInt64.random(in: 0...20, using: &random)
      let late = Int.random(in: 0..<50, using: &random) == 0
      script.feed([
        Event(
          timestamp: late ? time - 500 : time, tid: Int32.random(in: 9...14, using: &random),
          kind: EventKind(rawValue: UInt8.random(in: 0...31, using: &random))!,
          cpu: UInt16.random(in: 0...2, using: &random), subject: Int32.random(in: -1...14, using: &random),
          detail: Int32.random(in: 0...0x1FF, using: &random),
          value: [0, -1, 1, 0x10000, .min, .max].randomElement(using: &random)!)
      ])
    }
    let snapshot = script.finish(at: time + 100)
    for thread in snapshot.threads {
      #expect(thread.accounting.lifetime <= time + 100 - 1000)
      #expect(thread.statesNotCharged == [])
      #expect(thread.run.total <= thread.accounting.lifetime)
      #expect(thread.ready.total <= thread.accounting.lifetime)
    }
    // Whoever was there at the start and never left has the whole window.
    #expect(snapshot.threads.filter { $0.tid == 10 }.reduce(0) { $0 + $1.accounting.lifetime } <= time + 100 - 1000)
  }
}
