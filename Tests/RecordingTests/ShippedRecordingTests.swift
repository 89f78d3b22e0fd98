import ArgumentParser
import Foundation
import Glibc
import Testing
import TraceFile
import TraceTestSupport

@testable import kdelay_ftrace

/// The recording that `make demo` reports on where there is no tracefs: one of this tool's own, packed by `trace-cmd convert`.
struct ShippedRecordingTests {
  private static let directory = Fixture.root.appending(path: "demo")

  private func report(_ options: String...) throws -> String {
    let place = try TemporaryDirectory()
    try runReport(["-i", Self.directory.path, "-o", place["report"]] + options)
    return try String(contentsOfFile: place["report"], encoding: .utf8)
  }

  /// Runs the command. The tests' own process keeps its signals.
  private func runReport(_ arguments: [String]) throws {
    var before = sigset_t()
    sigprocmask(SIG_BLOCK, nil, &before)
    let onClosedPipe = signal(SIGPIPE, SIG_DFL)
    defer {
      sigprocmask(SIG_SETMASK, &before, nil)
      signal(SIGPIPE, onClosedPipe)
    }
    try ReportCommand.parse(arguments).run()
  }

  private struct Sample: Decodable {
    struct Thread: Decodable {
      struct Syscall: Decodable {
        var name: String
        var count: UInt64
      }
      var comm: String
      var syscalls: [Syscall]
    }
    struct Loss: Decodable {
      var events: UInt64
      var undecodable: UInt64
    }
    var threads: [Thread]
    var loss: Loss
  }

  private func samples(_ json: String) throws -> [Sample] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try json.split(separator: "\n").map { try decoder.decode(Sample.self, from: Data($0.utf8)) }
  }

  /// `report.txt` was printed while it was recorded, but for what reports have become since; `KDELAY_RECORD_GOLDEN=1` writes it anew.
  @Test func itsReportIsWhatWasPrintedMeanwhile() throws {
    let url = Self.directory.appending(path: "report.txt")
    let text = try report()
    if ProcessInfo.processInfo.environment["KDELAY_RECORD_GOLDEN"] != nil {
      try text.write(to: url, atomically: true, encoding: .utf8)
    }
    #expect(text == (try String(contentsOf: url, encoding: .utf8)))
  }

  @Test func itShowsWhatTheProgramIsFor() throws {
    let sample = try #require(try samples(try report("--format", "json")).first)
    #expect(sample.loss.events == 0 && sample.loss.undecodable == 0)
    let names = sample.threads.map(\.comm).sorted()
    let own = ["busy-poll", "cpu-hog", "demo-convoy", "preempted", "slow-writer"]
    #expect(names == (own + (1...4).map { "worker-\($0)" }).sorted())
    func count(_ thread: String, _ syscall: String) -> UInt64 {
      sample.threads.first { $0.comm == thread }?.syscalls.first { $0.name == syscall }?.count ?? 0
    }
    #expect(
      count("slow-writer", "fdatasync") > 10 && count("slow-writer", "pwrite64") >= count("slow-writer", "fdatasync"))
    #expect(count("busy-poll", "poll") > 1000 && count("demo-convoy", "clone3") == 8)
    let text = try report()
    #expect(text.hasPrefix("# VERDICT: "))
    let causes = try #require(text.range(of: "\n# CAUSES")).upperBound
    // A place in the kernel has the name that the recorded kernel gives it.
    #expect(text[causes...].contains("disk, fdatasync, in ") && text[causes...].contains("CPU held by "))
  }

  @Test func otherWindowsCanBeMadeOfIt() throws {
    #expect(try samples(try report("--format", "json", "--sample-time", "0.1", "--sample-count", "3")).count == 3)
    #expect(try report("--when", "syscall>5ms@slow-writer").contains("\n# VERDICT: "))
  }
}
