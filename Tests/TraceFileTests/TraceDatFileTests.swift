import Testing
import TraceFile
import TraceFormat
import TraceModel
import TraceTestSupport

/// Real files of trace-cmd, against what trace-cmd itself says of them.
struct TraceDatFileTests {
  private func name(_ kind: EventKind) -> String? {
    switch kind {
    case .syscallEnter: "sys_enter"
    case .syscallExit: "sys_exit"
    case .contextSwitch: "sched_switch"
    case .wakeup: "sched_wakeup"
    case .wakeupNew: "sched_wakeup_new"
    case .waking: "sched_waking"
    case .hardIRQEntry: "irq_handler_entry"
    case .hardIRQExit: "irq_handler_exit"
    case .softIRQEntry: "softirq_entry"
    case .softIRQExit: "softirq_exit"
    case .newTask: "task_newtask"
    case .rename: "task_rename"
    case .exit: "sched_process_exit"
    case .exec: "sched_process_exec"
    default: nil
    }
  }

  private func events(_ capture: inout RecordedCapture) -> [Event] {
    var events: [Event] = []
    while true {
      let (complete, wasBusy) = capture.reader.drain(now: .max)
      _ = capture.reader.release(before: complete) { run in
        events += run
        return (run.count, false)
      }
      if !wasBusy { return events }
    }
  }

  /// The events by CPU and time, with the task and the name, as text.
  private func texts(_ events: [Event]) -> [String] {
    events.compactMap { event in name(event.kind).map { "\(event.timestamp) \(event.cpu) \(event.tid) \($0)" } }
      .sorted()
  }

  private func texts(_ lines: [TraceDatFixture.Line]) -> [String] {
    let known = Set((0...UInt8.max).compactMap(EventKind.init(rawValue:)).compactMap(name))
    return lines.filter { known.contains($0.event) }.map { "\($0.time) \($0.cpu) \($0.task) \($0.event)" }.sorted()
  }

  @Test(arguments: TraceDatFixture.all)
  func eventsAreThoseThatTraceCmdReports(_ fixture: TraceDatFixture) throws {
    var capture = try RecordedCapture.open(fixture.path)
    let events = events(&capture)
    let lines = try fixture.lines()
    #expect(!events.isEmpty && texts(events) == texts(lines))
    #expect(events.map(\.timestamp) == events.map(\.timestamp).sorted())
    #expect(capture.reader.loss.undecodable == 0 && capture.reader.loss.late == 0)
    #expect(capture.end == .complete)
    #expect(capture.abi == .x86_64)
    #expect(capture.clock == (fixture.name.hasPrefix("instances") ? "local" : "mono"))
  }

  @Test func whatWasLostIsWhatTheKernelCounted() throws {
    var capture = try RecordedCapture.open(TraceDatFixture.lossy.path)
    let gaps = events(&capture).filter { $0.kind == .gapStart }
    #expect(capture.reader.loss.eventsByCPU == [0: 394, 1: 552])
    #expect(gaps.count == 2)
  }

  @Test(arguments: [TraceDatFixture.instances, .instancesVersion6])
  func anInstanceCanBeChosen(_ fixture: TraceDatFixture) throws {
    for (instance, buffer) in [("top", ""), ("calls", "calls"), ("interrupts", "interrupts")] {
      var capture = try RecordedCapture.open(fixture.path, instance: instance)
      #expect(texts(events(&capture)) == texts(try fixture.lines().filter { $0.buffer == buffer }))
    }
    #expect(throws: TraceFileError.self) { _ = try RecordedCapture.open(fixture.path, instance: "another") }
  }

  @Test(arguments: TraceDatFixture.all)
  func whatTheFileSaysBesidesIsRead(_ fixture: TraceDatFixture) throws {
    let file = try TraceDatFile.open(fixture.path)
    #expect(file.version == (fixture.name.hasSuffix("v6") ? 6 : 7))
    #expect(file.byteOrder == .little && file.longSize == 8)
    #expect(file.headerPage.contains("local_t commit"))
    #expect(file.formats[EventName("sched", "sched_switch")]?.contains("prev_state") == true)
    #expect(file.formats[EventName("ftrace", "print")] != nil)
    #expect(file.machine.prefix(2) == ["Linux", "guest"] && file.machine.last == "x86_64")
    #expect(file.commands.values.contains("alpha") && file.commands.values.contains("beta"))
    let symbols = String(decoding: try file.kallsyms(), as: UTF8.self)
    #expect(symbols.split(separator: "\n").contains { $0.hasSuffix(" T schedule") })
    #expect(file.end == .complete)
    #expect(file.buffers.allSatisfy { $0.pageSize == 4096 && Set($0.statistics.keys) == [0, 1] })
  }
}
