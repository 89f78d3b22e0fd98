import Foundation
import Testing
import TraceFile
import TraceFormat
import TraceModel
import TraceTestSupport

/// The fixtures' pages through the product's own offline path.
struct RecordedCaptureTests {
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

  private func open(_ fixture: Fixture) throws -> RecordedCapture {
    try RecordedCapture.open(Fixture.root.appending(path: "\(fixture.kernel)/\(fixture.scenario)").path)
  }

  @Test(arguments: Fixture.all)
  func allEventsOfARecordingComeInOrder(_ fixture: Fixture) throws {
    var capture = try open(fixture)
    let merged = events(&capture)
    var decoded = 0
    for cpu in fixture.cpus {
      let events = try fixture.decode(cpu: cpu).events.filter { $0.kind != .gapStart && $0.kind != .gapEnd }
      decoded += events.count
      #expect(
        merged.filter { Int($0.cpu) == cpu && $0.kind != .gapStart && $0.kind != .gapEnd }.map(\.timestamp)
          == events.map(\.timestamp))
    }
    #expect(capture.reader.eventsRead == decoded)
    #expect(merged.map(\.timestamp) == merged.map(\.timestamp).sorted())
    #expect(capture.reader.loss.late == 0 && capture.reader.loss.undecodable == 0)
    #expect(capture.reader.source.failure == nil)
    #expect(capture.begin > 0 && merged.allSatisfy { $0.timestamp >= capture.begin })
  }

  /// What was lost is what the kernel counted, though its pages do not all say how many.
  @Test(arguments: Fixture.all.filter { $0.scenario == "overrun" })
  func lostEventsAreThoseThatTheKernelCounted(_ fixture: Fixture) throws {
    var capture = try open(fixture)
    let gaps = events(&capture).filter { $0.kind == .gapStart }
    #expect(!gaps.isEmpty)
    for cpu in fixture.cpus {
      let overrun = try #require(try fixture.statistic("overrun", cpu: cpu))
      let lost = capture.reader.loss.eventsByCPU[cpu] ?? 0
      #expect(lost <= overrun)
      let isTold = gaps.contains { Int($0.cpu) == cpu }
      if isTold { #expect(lost > 0) }
    }
    // Only the first gap reaches back to the recording's beginning.
    #expect(gaps.allSatisfy { $0.timestamp >= capture.begin })
  }

  @Test func callersAreTheTasksThatMadeSyscalls() throws {
    let fixture = Fixture(kernel: "6.18", scenario: "mixed")
    var expected: Set<Int32> = []
    var born: Set<Int32> = []
    for cpu in fixture.cpus {
      for event in try fixture.decode(cpu: cpu).events {
        if event.kind == .syscallEnter { expected.insert(event.tid) }
        if event.kind == .newTask { born.insert(event.subject) }
      }
    }
    let tasks = try open(fixture).tasks()
    #expect(tasks.callers == expected)
    // Of several callers one was there at the beginning: the program, which made the others.
    #expect(expected.count > 1 && tasks.earlier == expected.subtracting(born).sorted())
    #expect(tasks.earlier.count == 1)
  }

  /// The kernel's own text has the names of tasks that switch, are made, or are renamed.
  @Test(arguments: Fixture.withText.filter { $0.scenario == "mixed" })
  func tasksHaveTheNamesThatTheKernelPrints(_ fixture: Fixture) throws {
    let text = try String(contentsOf: fixture.url("trace.txt"), encoding: .utf8)
    let tasks = try open(fixture).tasks()
    #expect(try tasks.names[#require(tasks.earlier.first)] != nil)
    for (tid, name) in tasks.names {
      let renamed = try Regex("pid=\(tid) oldcomm=\\S+ newcomm=\(name) ")
      let isPrinted =
        text.contains("prev_comm=\(name) prev_pid=\(tid) ") || text.contains("pid=\(tid) comm=\(name) clone_flags")
        || text.contains(renamed)
      #expect(isPrinted, "\(tid) \(name)")
    }
  }

  // MARK: What cannot be read

  /// A copy of a fixture's pages and formats, for a test to spoil.
  private func withCopy<Result>(_ fixture: Fixture, _ body: (String) throws -> Result) throws -> Result {
    let root = FileManager.default.temporaryDirectory.appending(path: "pages-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    try FileManager.default.copyItem(
      at: Fixture.root.appending(path: "\(fixture.kernel)/\(fixture.scenario)"), to: root)
    for file in ["header_page", "formats", "kernel"] {
      try FileManager.default.copyItem(
        at: Fixture.root.appending(path: "\(fixture.kernel)/\(file)"), to: root.appending(path: file))
    }
    return try body(root.path)
  }

  private func failure(_ directory: String) -> TraceFileError? {
    do throws(TraceFileError) {
      _ = try RecordedCapture.open(directory).tasks()
      return nil
    } catch {
      return error
    }
  }

  private static let mixed = Fixture(kernel: "6.1-cloud", scenario: "mixed")

  @Test func pagesThatAreCutAreRefused() throws {
    try withCopy(Self.mixed) { root in
      #expect(failure(root) == nil)
      let file = URL(filePath: "\(root)/cpu0.raw")
      try Data(contentsOf: file).dropLast(100).write(to: file)
      let failure = failure(root)
      #expect(failure?.path == file.path && failure?.reason.contains("20380 bytes") == true)
      #expect(failure?.remedy.contains("truncate -s 16384") == true)
    }
  }

  @Test func formatsOfAnotherKernelAreNoticed() throws {
    try withCopy(Self.mixed) { root in
      let formats = "\(root)/formats"
      try FileManager.default.removeItem(atPath: formats)
      try FileManager.default.copyItem(atPath: Fixture.root.appending(path: "6.18/formats").path, toPath: formats)
      #expect(failure(root)?.reason.contains("of its 600 records fit no format") == true)
      #expect(failure(root)?.remedy.contains("are of another kernel") == true)
    }
  }

  @Test func aFormatThatIsMissingIsNamed() throws {
    try withCopy(Self.mixed) { root in
      try FileManager.default.removeItem(atPath: "\(root)/formats/raw_syscalls.sys_exit")
      #expect(failure(root)?.reason.contains("no format of raw_syscalls:sys_exit") == true)
      #expect(failure(root)?.remedy.contains("events/raw_syscalls/sys_exit/format") == true)
    }
  }

  @Test func pagesWithoutAnEventAreNoRecording() throws {
    try withCopy(Self.mixed) { root in
      for cpu in 0...1 { try Data().write(to: URL(filePath: "\(root)/cpu\(cpu).raw")) }
      #expect(failure(root)?.reason == "has no events")
    }
  }

  @Test func whatIsNoDirectoryIsRefused() {
    for path in ["/nonexistent/recording", "/dev/null"] {
      #expect(failure(path)?.code == .unreadable && failure(path)?.path == path)
    }
  }

  @Test func theMachineIsWhatTheRecordingSays() throws {
    #expect(try open(Self.mixed).abi == .x86_64)
    try withCopy(Self.mixed) { root in
      let file = URL(filePath: "\(root)/kernel")
      try Data("Linux host 6.1.0 #1 SMP aarch64 GNU/Linux\n".utf8).write(to: file)
      #expect(try RecordedCapture.open(root).abi == .arm64)
      try FileManager.default.removeItem(at: file)
      #expect(try RecordedCapture.open(root).abi == nil)
    }
  }

  @Test func aDirectoryWithoutPagesOrFormatsSaysSo() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "pages-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: root) }
    func reason(formats: String?) -> String? {
      do throws(TraceFileError) {
        _ = try RecordedCapture.open(root, formats: formats)
        return nil
      } catch {
        return error.reason
      }
    }
    #expect(reason(formats: nil)?.contains("header_page") == true)
    let formats = Fixture.root.appending(path: "6.18").path
    #expect(reason(formats: formats)?.contains("cpuN.raw") == true)
    // Not a regular file.
    try FileManager.default.createDirectory(atPath: "\(root)/cpu0.raw", withIntermediateDirectories: true)
    #expect(reason(formats: formats)?.contains("directory") == true)
  }
}
