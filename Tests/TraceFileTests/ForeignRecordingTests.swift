import Foundation
import Testing
import TraceFile
import TraceFormat
import TraceModel
import TraceTestSupport

/// Recordings of other architectures' kernels, as trace.dat and as raw pages: `ForeignTextTests` holds the pages' events against trace-cmd's
/// text, so here both must tell these.
struct ForeignRecordingTests {
  private static let abis: [String: SyscallABI] = [
    "arm64": .arm64, "arm64-16k": .arm64, "armhf": .arm, "i386": .i386, "mips64el": .other, "ppc64el": .ppc64,
    "s390x": .s390x,
  ]

  @Test(arguments: ForeignFixture.machines)
  func aTraceDatTellsWhatItsPagesDo(_ machine: String) throws {
    let fixture = ForeignFixture(machine: machine, scenario: "mixed")
    var expected: [Event] = []
    for cpu in fixture.cpus { expected += try fixture.decode(cpu: cpu).events }
    var capture = try RecordedCapture.open(ForeignFixture.root.appending(path: "\(machine)/mixed.dat").path)
    let events = events(&capture)
    #expect(capture.end == .complete && capture.clock == "mono")
    #expect(capture.reader.loss.undecodable == 0 && capture.reader.loss.late == 0)
    #expect(capture.abi == Self.abis[machine])
    #expect(capture.begin > 0 && capture.begin <= events.first?.timestamp ?? 0)
    #expect(numbers(events) == numbers(expected) && !events.isEmpty)
    #expect(try capture.tasks().names.values.contains("sh"))
  }

  @Test(arguments: ForeignFixture.all)
  func rawPagesAreReadByTheMachinesName(_ fixture: ForeignFixture) throws {
    let path = fixture.url("").path
    guard fixture.machine != "mips64el" else {
      // Its name does not tell the byte order.
      #expect(throws: TraceFileError.self) { _ = try RecordedCapture.open(path) }
      return
    }
    var expected: [Event] = []
    for cpu in fixture.cpus { expected += try fixture.decode(cpu: cpu).events }
    var capture = try RecordedCapture.open(path)
    #expect(numbers(events(&capture)) == numbers(expected))
    #expect(capture.abi == Self.abis[fixture.machine])
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

  /// What events say in numbers, by CPU and time. Names have other numbers in each reader, and gaps other beginnings.
  private func numbers(_ events: [Event]) -> [String] {
    events.filter { $0.kind != .gapStart && $0.kind != .gapEnd }.map { event in
      let isNamed = [.hardIRQEntry, .newTask, .rename].contains(event.kind)
      let (detail, value) = (isNamed ? 0 : event.detail, event.value)
      return "\(event.cpu) \(event.timestamp) \(event.kind) \(event.tid) \(event.subject) \(detail) \(value)"
    }.sorted()
  }
}
