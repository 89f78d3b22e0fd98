import Testing
import TraceModel

@testable import Aggregator
@testable import Session

/// Any stream, read in whatever pieces and kept in however little memory: each interval is listed once, and each window says
/// what one says that was open at that time.
struct LookBackPropertyTests {
  private struct Random {
    var state: UInt64

    mutating func next(below bound: UInt64) -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
      return (mixed ^ mixed >> 31) % bound
    }
  }

  private static let tids: [Int32] = [7, 8, 9, 10]

  /// Threads that sleep, wait for a CPU and make syscalls, each on a CPU of its own.
  private func events(_ random: inout Random, count: Int) -> [Event] {
    var events: [Event] = []
    for (index, tid) in Self.tids.enumerated() {
      var time: UInt64 = 1000 + UInt64(index)
      func add(_ kind: EventKind, _ tid: Int32, _ subject: Int32, _ detail: Int32 = 0) {
        events.append(
          Event(timestamp: time, tid: tid, kind: kind, cpu: UInt16(index), subject: subject, detail: detail))
        time += 1 + random.next(below: 200)
      }
      for _ in 0..<count {
        switch random.next(below: 3) {
        case 0:
          add(.contextSwitch, tid, 99)
          add(.contextSwitch, 99, tid)
        case 1:
          add(.contextSwitch, tid, 99, 1)
          add(.wakeup, 99, tid)
          add(.contextSwitch, 99, tid)
        default:
          add(.syscallEnter, tid, 202)
          add(.syscallExit, tid, 202)
        }
      }
    }
    return events.sorted { $0.timestamp < $1.timestamp }
  }

  /// The intervals above `threshold`, found without the aggregator, by condition.
  private func truth(_ events: [Event], _ threshold: UInt64) -> [String: [[UInt64]]] {
    var since: [Int32: (word: String, time: UInt64)] = [:]
    var found: [String: [[UInt64]]] = [:]
    func end(_ tid: Int32, _ time: UInt64) {
      guard let (word, start) = since.removeValue(forKey: tid), time - start > threshold else { return }
      found[word, default: []].append([start, time, UInt64(tid)])
    }
    for event in events {
      switch event.kind {
      case .contextSwitch where Self.tids.contains(event.tid):
        since[event.tid] = (event.detail == 0 ? "ready" : "blocked", event.timestamp)
      case .wakeup:
        end(event.subject, event.timestamp)
        since[event.subject] = ("ready", event.timestamp)
      case .contextSwitch: end(event.subject, event.timestamp)
      case .syscallEnter: since[event.tid] = ("syscall", event.timestamp)
      default: end(event.tid, event.timestamp)
      }
    }
    return found
  }

  private func run(
    _ settings: SessionSettings, _ events: [Event], _ random: inout Random
  ) -> SessionScript {
    let facts = ScriptedFacts()
    facts.threadsByProcess = [
      7: Self.tids.map { ThreadFacts(tid: $0, pid: 7, name: "t", state: .runnable, isInSyscall: false) }
    ]
    let script = SessionScript(settings, facts: facts)
    script.begin(at: 1000)
    script.stream.events = events
    let end = (events.last?.timestamp ?? 0) + 1
    var time: UInt64 = 1000
    while time < end {
      time += 1 + random.next(below: 3000)
      if time >= end { script.cutShort(at: end) }
      script.read(upTo: time)
    }
    return script
  }

  /// What a window from `start` to `stop` shows to one who was there.
  private func snapshot(_ events: [Event], from start: UInt64, to stop: UInt64) -> Snapshot {
    var aggregator = Aggregator(abi: .x86_64)
    for tid in Self.tids {
      aggregator.observe(ThreadObservation(pid: 7, tid: tid, name: 1, state: .runnable, mode: .user), at: 1000)
    }
    events.prefix { $0.timestamp < start }.withUnsafeBufferPointer { _ = aggregator.consume($0) }
    aggregator.startWindow(at: start)
    Array(events.drop { $0.timestamp < start }.prefix { $0.timestamp < stop })
      .withUnsafeBufferPointer { _ = aggregator.consume($0) }
    return aggregator.finishWindow(at: stop)
  }

  @Test(arguments: 0..<60) func eachIntervalOnceAndEachWindowExact(seed: Int) {
    var random = Random(state: UInt64(seed))
    let events = events(&random, count: 60)
    let threshold = random.next(below: 190)
    let settings = SessionSettings.when(
      "ready>\(threshold)ns", "blocked>\(threshold)ns", "syscall>\(threshold)ns", before: random.next(below: 300),
      after: random.next(below: 3) * 150, bytes: 32 * Int(4 + random.next(below: 200)))
    let script = run(settings, events, &random)
    #expect(script.isDone)
    var listed: [String: [[UInt64]]] = [:]
    for occurrence in script.results.flatMap(\.occurrences) where occurrence.hasEnded {
      let word = String(occurrence.condition.prefix { $0 != ">" })
      listed[word, default: []].append([occurrence.start, occurrence.end, UInt64(occurrence.tid)])
    }
    let truth = truth(events, threshold)
    for word in ["ready", "blocked", "syscall"] {
      #expect(listed[word, default: []].sorted(by: Self.order) == truth[word, default: []].sorted(by: Self.order))
    }
    checkWindows(script, events)
  }

  private static func order(_ left: [UInt64], _ right: [UInt64]) -> Bool { left.lexicographicallyPrecedes(right) }

  private func checkWindows(_ script: SessionScript, _ events: [Event]) {
    var last: UInt64 = 0
    for result in script.results {
      let (start, stop) = (result.snapshot.start, result.snapshot.stop)
      #expect(start >= last && stop >= start)
      last = stop
      #expect(result.occurrences.allSatisfy { $0.end < stop || !$0.hasEnded })
      let expected = snapshot(events, from: start, to: stop)
      #expect(result.snapshot.threads.map(\.accounting) == expected.threads.map(\.accounting))
      #expect(result.snapshot.threads.map(\.statistics) == expected.threads.map(\.statistics))
      #expect(result.snapshot.threads.map(\.syscalls) == expected.threads.map(\.syscalls))
      #expect(result.snapshot.eventsRead == expected.eventsRead)
    }
  }

  @Test(arguments: 0..<20) func aBoundOfMemoryIsTheOnlyThingThatIsMissed(seed: Int) {
    var random = Random(state: UInt64(seed) &+ 1000)
    let events = events(&random, count: 60)
    let before = random.next(below: 500)
    let settings = SessionSettings.when("blocked>100ns", before: before, bytes: 1 << 20)
    let script = run(settings, events, &random)
    for result in script.results { #expect(result.overwritten == 0) }
    var last: UInt64 = 1000
    for result in script.results {
      let wanted = result.occurrences.map { $0.start - min($0.start, before) }.min() ?? 0
      #expect(result.snapshot.start == max(wanted, last))
      last = result.snapshot.stop
    }
  }
}
