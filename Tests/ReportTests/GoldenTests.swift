import Foundation
import Testing
import TraceModel

@testable import Aggregator
@testable import Report
@testable import Session

/// The reports of one made-up window that has everything, against files. `KDELAY_RECORD_GOLDEN=1` writes them anew.
struct GoldenTests {
  private static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

  static func check(_ text: String, _ file: String) throws {
    let url = directory.appending(path: file)
    if ProcessInfo.processInfo.environment["KDELAY_RECORD_GOLDEN"] != nil {
      try text.write(to: url, atomically: true, encoding: .utf8)
    }
    #expect(text == (try String(contentsOf: url, encoding: .utf8)), "\(file) differs")
  }

  @Test func textReport() throws {
    try Self.check(TextRenderer().text(of: Self.sample), "sample.txt")
  }

  @Test func jsonReport() throws { try Self.check(JSONRenderer().text(of: Self.sample), "sample.json") }

  /// The same window between two triggers, some of which were missed, with upcalls.
  private static var triggered: WindowResult {
    var sample = sample
    sample.startTrigger = "u:udpif_revalidator:start_dump"
    sample.stopTrigger = "ur:bridge_run"
    sample.gatingIsUncertain = true
    sample.recordingCost = 250
    sample.uncertainProcesses = [100]
    sample.snapshot.threads[0].probes.record(from: 0, to: 4_321)
    sample.snapshot.threads[0].probes.record(from: 0, to: 1_234)
    sample.snapshot.missedTriggers = 3
    let calls: [(Int32, UInt64, UInt64, Int64)] = [
      (202, 2_161_821_694_935_486, 95_715, -11), (7, 2_161_821_695_276_882, 1_234_567_890, 1),
    ]
    sample.slowSyscalls = calls.map { number, entry, length, result in
      let call = SyscallEvent(
        tid: 3_359_699, name: 1, number: number, abi: .x86_64, entry: entry, exit: entry + length, returnValue: result)
      return SlowSyscall(EndedSyscall(call))
    }
    sample.stacks = WindowStacks()
    // The instruction of the second one was seen.
    sample.slowSyscalls[1].isCompat = false
    sample.snapshot.syscallEventsLeftOut = 4321
    sample.missedUpcalls = 5
    sample.snapshot.upcalls = [
      UpcallCount(result: 0, cpu: 2, count: 3), UpcallCount(result: -11, cpu: 0, count: 1),
      UpcallCount(result: 0, cpu: 0, count: 2), UpcallCount(result: -105, cpu: 2, count: 1234),
      UpcallCount(result: -4000, cpu: 1, count: 1),
    ]
    return sample
  }

  @Test func textReportBetweenTriggers() throws {
    try Self.check(TextRenderer().text(of: Self.triggered), "triggered.txt")
  }

  @Test func jsonReportBetweenTriggers() throws {
    try Self.check(JSONRenderer().text(of: Self.triggered), "triggered.json")
  }

  @Test func aShortWindowIsALineInTextAndNothingInJSON() {
    #expect(
      Self.skipped(TextRenderer()) == """
        # Start sampling (trigger@1000000000) @2023-11-15T00:13:20.000042 (22:13:20 UTC)
        # Stop sampling (trigger@2500000000) @2023-11-15T00:13:21.500042 (22:13:21 UTC)
        # Sample dump skipped, delta 1,500,000,000 ns @2023-11-15T00:13:21.500999 (22:13:21 UTC)

        """)
    #expect(Self.skipped(JSONRenderer()) == "")
  }

  private static func skipped(_ renderer: some Renderer) -> String {
    var renderer = renderer
    return String(decoding: ByteOutput.bytes { renderer.skipped(triggered, &$0) }, as: UTF8.self)
  }

  @Test func upcallsOfWhichNoneFailedAreATotal() {
    var none = Self.triggered
    (none.snapshot.upcalls, none.missedUpcalls) = ([], 0)
    #expect(!TextRenderer().text(of: none).contains("UPCALL"))
    #expect(JSONRenderer().text(of: none).contains(#""upcalls":{"total":{"count":0,"cpus":[]}"#))
    none.snapshot.upcalls = [UpcallCount(result: 0, cpu: 3, count: 7)]
    #expect(TextRenderer().text(of: none).contains("  Total upcalls       : 7 [3: 7]\n\n"))
  }

  @Test func aWindowWithoutThreadsIsAReportToo() {
    var empty = Self.sample
    empty.snapshot.threads = []
    empty.snapshot.lostEvents = [:]
    empty.snapshot.discardedIntervals = 0
    empty.snapshot.missingTime = 0
    empty.loss = Loss()
    #expect(TextRenderer().text(of: empty).hasSuffix("# Nothing was lost.\n"))
    #expect(JSONRenderer().text(of: empty).contains("\"threads\":[]"))
  }

  @Test func namesCannotDriveTheTerminal() {
    var hostile = Self.sample
    var names = NameTable()
    for thread in hostile.snapshot.threads.indices {
      hostile.snapshot.threads[thread].name = names.intern("a\u{1B}[2Jb\n")
    }
    hostile.names = names
    let text = TextRenderer().text(of: hostile)
    #expect(!text.contains("\u{1B}") && text.contains("a?[2Jb?"))
    #expect(JSONRenderer().text(of: hostile).contains("a\\u001b[2Jb\\n"))
  }

  /// Three threads: one with every section, one with a name that sorts first, one without an event.
  static var sample: WindowResult {
    var names = NameTable()
    var aggregator = Aggregator(abi: .x86_64)
    let worker = names.intern("worker")
    let idle = names.intern("idle")
    let main = names.intern("main thread")
    let disk = names.intern("virtio2-req.0-and-more")
    for (tid, name) in [(100, main), (101, worker), (99_999, idle)] {
      aggregator.observe(
        ThreadObservation(
          pid: 100, tid: Int32(tid), name: name, state: tid == 99_999 ? .interruptible : .runnable, mode: .syscall),
        at: 0)
    }
    aggregator.startWindow(at: 1_000_000_000)
    var events: [Event] = []
    func add(
      _ kind: EventKind, _ microseconds: UInt64, _ tid: Int32, _ subject: Int32, _ detail: Int32 = 0, _ value: Int64 = 0
    ) {
      events.append(
        Event(
          timestamp: 1_000_000_000 + microseconds * 1000, tid: tid, kind: kind, cpu: 0, subject: subject,
          detail: detail, value: value))
    }
    add(.contextSwitch, 10, 0, 101)
    for call in 0..<3 {
      let time = 20 + UInt64(call) * 1000
      add(.syscallEnter, time, 101, 7)
      add(.syscallExit, time + 100, 101, 7)
      add(.syscallEnter, time + 200, 101, 47)
      add(.softIRQEntry, time + 210, 101, 3)
      add(.hardIRQEntry, time + 220, 101, 27, disk)
      add(.hardIRQExit, time + 230, 101, 27, 1)
      add(.softIRQExit, time + 240, 101, 3)
      add(.syscallExit, time + 300 + UInt64(call) * 37, 101, 47, 0, call == 2 ? -11 : 4096)
    }
    add(.syscallEnter, 3500, 101, 9999)
    add(.syscallExit, 3600, 101, 9999, 0, -38)
    add(.contextSwitch, 4000, 101, 100, 4)
    add(.wakeup, 1_234_567, 100, 101)
    add(.contextSwitch, 1_234_800, 100, 101, 0)
    add(.contextSwitch, 1_235_000, 101, 100, 1)
    add(.gapStart, 1_236_000, 0, 0, 0, 1234)
    add(.gapEnd, 1_237_000, 0, 0)
    add(.syscallEnter, 1_238_000, 100, 35)
    events.withUnsafeBufferPointer { _ = aggregator.consume($0) }
    let snapshot = aggregator.finishWindow(at: 2_500_000_000)
    var loss = Loss()
    loss.eventsByCPU = snapshot.lostEvents
    return WindowResult(
      target: 100, targetName: "main thread", index: 1, snapshot: snapshot, loss: loss, names: names,
      clock: ClockPair(
        monotonic: 2_500_957_000, wall: WallTime(seconds: 1_700_000_001, microseconds: 500_999, offset: 7200)))
  }
}
