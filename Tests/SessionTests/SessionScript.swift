import Aggregator
import TraceModel

@testable import Session

/// What a script says of the target, in place of /proc and the clock.
final class ScriptedFacts: TargetFacts {
  var now: UInt64 = 0
  var clock: ClockPair? { ClockPair(monotonic: now, wall: WallTime(seconds: 0, microseconds: 0)) }
  /// The threads of each process; one with pid 7 by default.
  var threadsByProcess: [Int32: [ThreadFacts]] = [
    7: [ThreadFacts(tid: 7, pid: 7, name: "target", state: .runnable)]
  ]
  var abis: [Int32: SyscallABI] = [7: .x86_64]
  var taskNames: [Int32: String] = [:]
  var children: [DescendantProcess] = []
  var ended: Set<Int32> = []
  var mappings: [CodeMapping] = []
  /// What control groups put on each process.
  var groups: [Int32: ControlGroupFacts] = [:]
  /// How often somebody asked for that.
  private(set) var groupLooks = 0
  var stalls: PressureFacts?
  /// Whether the threads that live can be asked for.
  var knowsThreads = true

  func threads(of pid: Int32) -> [Int32]? { knowsThreads ? (threadsByProcess[pid] ?? []).map(\.tid) : nil }
  func thread(_ tid: Int32, of pid: Int32) -> ThreadFacts? { threadsByProcess[pid]?.first { $0.tid == tid } }
  func hasThread(_ tid: Int32, of pid: Int32) -> Bool { thread(tid, of: pid) != nil }
  func abi(of pid: Int32) -> SyscallABI? { abis[pid] }
  func name(ofTask tid: Int32) -> String? { taskNames[tid] }
  func descendants(of pids: [Int32]) -> [DescendantProcess] { children }
  func isAlive(_ pid: Int32) -> Bool { !ended.contains(pid) }
  func codeMappings(of pid: Int32) -> [CodeMapping] { mappings }
  func controlGroup(of pid: Int32) -> ControlGroupFacts? {
    groupLooks += 1
    return groups[pid]
  }
  func pressure() -> PressureFacts? { stalls }
}

/// Events that a script has recorded, in the order in which they come out of the merge.
struct ScriptedStream: ~Copyable, EventStream {
  var events: [Event] = []
  var names = NameTable()
  let kernelStacks = KernelStackTable()
  var loss = Loss()
  private(set) var released: UInt64 = 0

  mutating func release(
    before limit: UInt64, _ consume: (UnsafeBufferPointer<Event>) -> (count: Int, stops: Bool)
  ) -> Event? {
    while let first = events.first, first.timestamp < limit {
      let run = Array(events.prefix { $0.timestamp < limit })
      let (count, stops) = run.withUnsafeBufferPointer(consume)
      loss.late += UInt64(run[..<count].count { $0.timestamp < released })
      events.removeFirst(count)
      if stops { return run[count - 1] }
    }
    released = max(released, limit)
    return nil
  }
}

/// Drives a session from a script; times are ns, the target is process 7 on CPU 0.
final class SessionScript {
  let facts: ScriptedFacts
  var session: Session
  var stream = ScriptedStream()
  /// Windows that have closed, those that are too short included.
  private(set) var results: [WindowResult] = []
  private(set) var watched: [[Int32]] = []
  private(set) var gateSteps = 0
  /// Whether the kernel closes the gate still after each of these steps.
  var gateClosesAfterStep = [false]

  init(
    _ settings: SessionSettings = SessionSettings(targets: [NamedProcess(pid: 7, name: "target")]),
    facts: ScriptedFacts = .init()
  ) {
    self.facts = facts
    session = Session(settings, facts: facts)
  }

  var isDone: Bool { session.isDone }
  var wantsOpenGate: Bool { session.wantsOpenGate }
  /// The number of windows that were reported.
  var windowCount: Int { session.windowCount }
  /// Child processes that were seen, and those that live.
  var children: [Int] { [session.childrenSeen, session.livingChildren()] }

  func cutShort(at time: UInt64) { session.cutShort(at: time) }

  /// Windows that were reported, as [start, stop].
  var windows: [[UInt64]] { results.filter { !$0.isTooShort }.map { [$0.snapshot.start, $0.snapshot.stop] } }

  func begin(at time: UInt64 = 0, gateCloses: Bool? = nil) {
    facts.now = time
    session.begin(&stream.names, gateCloses: gateCloses)
    perform()
  }

  func record(
    _ kind: EventKind, at time: UInt64, tid: Int32 = 7, _ subject: Int32 = 0, _ detail: Int32 = 0, value: Int64 = 0,
    cpu: UInt16 = 0
  ) {
    stream.events.append(
      Event(timestamp: time, tid: tid, kind: kind, cpu: cpu, subject: subject, detail: detail, value: value))
  }

  /// A syscall from `start` to `end`.
  func call(_ number: Int32, from start: UInt64, to end: UInt64, tid: Int32 = 7) {
    record(.syscallEnter, at: start, tid: tid, number)
    record(.syscallExit, at: end, tid: tid, number)
  }

  /// All that was recorded before `time` has been read.
  func read(upTo time: UInt64) {
    facts.now = max(facts.now, time)
    session.follow(&stream, upTo: time)
    perform()
  }

  private func perform() {
    while case let effects = session.takeEffects(), !effects.isEmpty {
      for effect in effects {
        switch effect {
        case .closed(let result): results.append(result)
        case .watch(let tids):
          watched.append(tids)
          session.watched(tids)
        case .widenGate:
          _ = session.gateWidened(closes: gateClosesAfterStep[min(gateSteps, gateClosesAfterStep.count - 1)])
          gateSteps += 1
        }
      }
    }
  }
}

extension SessionSettings {
  /// Of process 7; triggers of the kernel.
  static func script(
    start: Bool = false, stop: Bool = false, length: UInt64? = nil, pause: UInt64 = 0, count: Int = 1,
    shortest: UInt64 = 0
  ) -> SessionSettings {
    var settings = SessionSettings(targets: [NamedProcess(pid: 7, name: "target")])
    if start { settings.startTrigger = TriggerText(text: "t:a:start", isUserSpace: false) }
    if stop { settings.stopTrigger = TriggerText(text: "t:a:stop", isUserSpace: false) }
    settings.length = length
    settings.pause = pause
    settings.count = count
    settings.shortest = shortest
    return settings
  }
}

extension WindowResult {
  /// How often the target's thread has made a syscall.
  func count(of number: Int32, tid: Int32 = 7) -> UInt64 {
    snapshot.threads.filter { $0.tid == tid }.flatMap(\.syscalls).first { $0.number == number }?.durations.count ?? 0
  }
}
