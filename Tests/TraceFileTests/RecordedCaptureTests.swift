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
    for cpu in fixture.cpus {
      for event in try fixture.decode(cpu: cpu).events where event.kind == .syscallEnter { expected.insert(event.tid) }
    }
    #expect(expected.count > 1)
    #expect(try open(fixture).callers() == expected)
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
