import Aggregator
import Foundation
import Report
import Session
import Testing
import TraceFile
import TraceFormat
import TraceModel
import TraceTestSupport

@testable import kdelay_ftrace

/// The same pages through the wiring of a live capture and through that of a recording: the same report, byte for byte.
///
/// The live side reads slices of them as the clock goes on. Where events are lost, it knows one thing more: up to when it had read a
/// stream completely, though that had no event. A gap begins there, and in a recording at the stream's last event. In these recordings
/// gaps are shorter than an event takes to settle, so that both begin at the same event; `StreamReaderTests` has the others.
struct SamePagesTests {
  /// What a session is asked for, in parts of the recording's length.
  enum Windows: String, CaseIterable {
    case whole, one, two, slow

    func settings(_ facts: RecordedFacts, length: UInt64) -> SessionSettings {
      var settings = SessionSettings(targets: [NamedProcess(pid: facts.process, name: facts.processName)])
      switch self {
      case .whole: break
      case .one: settings.length = length / 2
      case .two:
        settings.length = length / 3
        settings.pause = length / 10
        settings.count = 2
      case .slow: settings.slowSyscalls = SyscallEventFilter(threshold: 10_000, skipsPoll: false)
      }
      return settings
    }
  }

  /// A fixture and when its last event was.
  private struct Recording {
    let fixture: Fixture
    let tasks: RecordedTasks
    let begin: UInt64
    let end: UInt64

    init(_ fixture: Fixture) throws {
      self.fixture = fixture
      var capture = try Self.open(fixture)
      tasks = try capture.tasks()
      begin = capture.begin
      while capture.reader.drain(now: .max).wasBusy {}
      end = capture.reader.lastTimestamp + 1
    }

    static func open(_ fixture: Fixture) throws -> RecordedCapture {
      try RecordedCapture.open(Fixture.root.appending(path: "\(fixture.kernel)/\(fixture.scenario)").path)
    }

    func recorded(_ windows: Windows) throws -> [WindowResult] {
      let facts = RecordedFacts(tasks, begin: begin)
      var session = RecordedSession(
        try Self.open(fixture), windows.settings(facts, length: end - begin), facts)
      var results: [WindowResult] = []
      try session.run { result, _ in results.append(result) }
      return results
    }

    /// As `LiveSession` does it: every `step` ns a drain, and the session follows.
    func live(_ windows: Windows, step: UInt64) throws -> [WindowResult] {
      let facts = RecordedFacts(tasks, begin: begin)
      let settings = windows.settings(facts, length: end - begin)
      let capture = try Self.open(fixture)
      let overruns = capture.reader.source.streams.indices.map { capture.reader.source.overrun($0) }
      // Where no slow syscalls are asked for, local events of different CPUs come in no order.
      var reader = StreamReader(
        try SlicedPages(fixture, overruns: overruns), begin: begin, keepsTotalOrder: settings.slowSyscalls != nil)
      var session = Session(settings, facts: facts)
      var results: [WindowResult] = []
      session.begin(&reader.names)
      while !session.isDone {
        facts.now += step
        reader.source.now = facts.now
        if facts.now >= end { session.cutShort(at: end) }
        let (complete, _) = reader.drain(now: facts.now)
        session.follow(&reader, upTo: complete)
        for case .closed(let result) in session.takeEffects() { results.append(result) }
      }
      return results
    }
  }

  private func json(_ results: [WindowResult]) -> [String] { results.map { JSONRenderer().text(of: $0) } }

  @Test(arguments: Fixture.all, Windows.allCases)
  func theReportIsTheSameByteForByte(_ fixture: Fixture, _ windows: Windows) throws {
    let recording = try Recording(fixture)
    let recorded = try recording.recorded(windows)
    #expect(recorded.count == (windows == .two ? 2 : 1))
    #expect(recorded.contains { $0.snapshot.threads.contains { !$0.syscalls.isEmpty } })
    if fixture.scenario == "overrun", windows == .whole { #expect(recorded.contains { $0.loss.events > 0 }) }
    for step in [1_500_000, 7_654_321, 400_000_000] as [UInt64] {
      let live = try recording.live(windows, step: step)
      #expect(json(live) == json(recorded), "\(step) ns")
      #expect(live.allSatisfy { $0.loss.late == 0 })
    }
  }
}
