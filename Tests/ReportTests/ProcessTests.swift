import Foundation
import Testing
import TraceModel

@testable import Aggregator
@testable import Report
@testable import Session

/// Reports of several processes.
struct ProcessTests {
  /// `processes`: the name of each and those of its threads. Pids are 100, 200 and so on; a process's threads have the tids from its
  /// pid on. The later a thread, the longer it was ready.
  private static func window(_ processes: [(name: String, threads: [String])]) -> WindowResult {
    var names = NameTable()
    var snapshot = Snapshot(
      start: 1_000_000_000, stop: 1_001_000_000, threads: [], discardedIntervals: 0, eventsRead: 1, lostEvents: [:])
    for (number, process) in processes.enumerated() {
      let pid = Int32(number + 1) * 100
      snapshot.processes.append(ProcessSnapshot(pid: pid, name: names.intern(process.name)))
      for (index, name) in process.threads.enumerated() {
        var thread = ThreadSnapshot(tid: pid + Int32(index), name: names.intern(name))
        thread.pid = pid
        thread.process = number
        thread.accounting[.ready] = UInt64(snapshot.threads.count)
        thread.accounting[.blockedInterruptible] = 1_000_000 - UInt64(snapshot.threads.count)
        thread.probes.record(from: 0, to: 5)
        snapshot.threads.append(thread)
      }
    }
    return WindowResult(
      target: 100, targetName: processes[0].name, index: 1, snapshot: snapshot, loss: Loss(), names: names,
      clock: ClockPair(monotonic: 0, wall: WallTime(seconds: 0, microseconds: 0)))
  }

  private static func object(_ window: WindowResult) throws -> [String: Any] {
    let text = JSONRenderer().text(of: window)
    return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  private static func headings(_ window: WindowResult) -> [String] {
    let text = TextRenderer().text(of: window)
    let table = text.components(separatedBy: "\n# PROBE OVERHEAD")[0]
    return table.split(separator: "\n").map(String.init).filter { $0.hasPrefix("# Process ") }
  }

  @Test func eachProcessHasAHeadingAndItsThreadsFollowIt() {
    let window = Self.window([("server", ["server", "writer"]), ("client", ["client"]), ("client", ["b", "a"])])
    let rows = TextRenderer().text(of: window).split(separator: "\n").map { $0.prefix(27) }
    let table = rows.drop { !$0.hasPrefix("----------") }.dropFirst().prefix { !$0.hasPrefix("# PROBE") }
    #expect(
      table.map { $0.trimmingCharacters(in: .whitespaces) } == [
        "# Process 200 (client)", "200 client", "# Process 300 (client)", "301 a", "300 b", "# Process 100 (server)",
        "100 server", "101 writer",
      ])
    // The tables behind it have the same headings.
    let accounting = rows.drop { !$0.hasPrefix("# ACCOUNTING") }
    #expect(accounting.contains("# Process 300 (client)") && accounting.count { $0.hasPrefix("# Process") } == 3)
    #expect(rows.drop { !$0.hasPrefix("# PROBE") }.count { $0.hasPrefix("# Process") } == 6)
  }

  @Test func oneProcessHasNoHeading() {
    #expect(Self.headings(Self.window([("server", ["server", "writer"])])).isEmpty)
  }

  @Test func aNameOfAProcessCannotDriveTheTerminal() {
    let headings = Self.headings(Self.window([("a\u{1B}[2J", ["x"]), ("b\n", ["y"])]))
    #expect(headings == ["# Process 100 (a?[2J)", "# Process 200 (b?)"])
  }

  @Test func JSONNamesEachProcessAndThatOfEachThread() throws {
    let object = try Self.object(Self.window([("server", ["server", "writer"]), ("client", ["client"])]))
    let targets = try #require(object["targets"] as? [[String: Any]])
    #expect(
      targets.map { $0["pid"] as? Int } == [100, 200] && targets.map { $0["comm"] as? String } == ["server", "client"])
    #expect((object["target"] as? [String: Any])?["pid"] as? Int == 100)
    let threads = try #require(object["threads"] as? [[String: Any]])
    #expect(threads.map { $0["tid"] as? Int } == [200, 100, 101])
    #expect(threads.map { $0["pid"] as? Int } == [200, 100, 100])
  }

  @Test func withOneProcessTheTargetStandsForIt() throws {
    var window = GoldenTests.sample
    let call = SyscallEvent(tid: 101, name: 1, number: 0, abi: .x86_64, entry: 1, exit: 2, returnValue: 0)
    window.slowSyscalls = [SlowSyscall(EndedSyscall(call))]
    let object = try Self.object(window)
    #expect((object["targets"] as? [[String: Any]])?.map { $0["pid"] as? Int } == [100])
    #expect((object["threads"] as? [[String: Any]])?.allSatisfy { $0["pid"] as? Int == 100 } == true)
    #expect((object["syscall_events"] as? [[String: Any]])?.map { $0["pid"] as? Int } == [100])
  }

  @Test func aSlowSyscallNamesItsProcess() throws {
    var window = Self.window([("server", ["server"]), ("client", ["client", "reader"])])
    window.slowSyscalls = [Int32(201), 100].map { tid in
      let call = SyscallEvent(
        pid: tid / 100 * 100, tid: tid, name: 0, number: 0, abi: .x86_64, entry: 1, exit: 2, returnValue: 0)
      return SlowSyscall(EndedSyscall(call))
    }
    let object = try Self.object(window)
    #expect((object["syscall_events"] as? [[String: Any]])?.map { $0["pid"] as? Int } == [200, 100])
  }

  // MARK: Folding

  @Test func manyProcessesOfOneNameShareAHeadingAndTheirThreadsARow() throws {
    let window = Self.window(
      [("main", ["main"])] + Array(repeating: ("worker", ["worker", "logger"]), count: 200))
    #expect(Self.headings(window) == ["# Process 200 x (worker)", "# Process 100 (main)"])
    let text = TextRenderer().text(of: window)
    #expect(text.contains("\n     200 x worker") && text.contains("\n     200 x logger"))
    #expect(text.contains("# 401 threads of 201 processes: those of one name are folded"))
  }

  @Test func fewProcessesOfOneNameKeepTheirHeadings() {
    let window = Self.window(Array(repeating: ("worker", Array(repeating: "pool", count: 40)), count: 3))
    #expect(Self.headings(window) == ["# Process 300 (worker)", "# Process 200 (worker)", "# Process 100 (worker)"])
    #expect(TextRenderer().text(of: window).components(separatedBy: "\n      40 x pool").count == 1 + 3 * 3)
  }

  @Test func numberedProcessesAreFoldedWhereTheNamesAloneDoNotSuffice() {
    let window = Self.window((0..<100).map { ("job-\($0)", ["run-\($0)"]) })
    #expect(Self.headings(window) == ["# Process 100 x (job-*)"])
  }

  @Test func whatIsTooMuchIsOneRowOfAllOtherProcesses() throws {
    let letters = Array("abcdefghijklmnopqrstuvwxyz")
    let window = Self.window(
      (0..<300).map { number in
        let name = "\(letters[number / 26])\(letters[number % 26])"
        return (name, [name])
      })
    let headings = Self.headings(window)
    #expect(headings.count == 64 && headings.last == "# Process 237 x (all others)")
    let rows = ThreadFolding.rows(window.threads, window.names, processes: window.severalProcesses)
    let all = rows.reduce(Accounting()) { $0 + $1.thread.accounting }
    #expect(all == window.threads.reduce(Accounting()) { $0 + $1.accounting })
    #expect(Set(rows.dropLast().compactMap(\.process)).count == 63)
  }
}
