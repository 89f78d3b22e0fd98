import Foundation
import Testing
import TraceFormat

@testable import TraceSource
@testable import kdelay_ftrace

/// Triggers of several processes: sleeping commands, and this process, which has libraries that they have not.
struct TriggerUnionTests {
  private static let own = TargetProcess(pid: getpid(), name: "own")

  /// A command that runs as long as this value is there.
  private final class Command {
    private var process: CommandProcess
    let target: TargetProcess

    init(_ arguments: String...) throws {
      process = try CommandProcess(starting: arguments)
      target = TargetProcess(pid: process.pid, name: "command")
      try process.release()
    }
  }

  /// Two commands that run `sleep` and one that runs a shell.
  private func withCommands(_ body: ([TargetProcess]) throws -> Void) throws {
    let commands = try [
      Command("/bin/sleep", "10"), Command("/bin/sleep", "10"), Command("/bin/sh", "-c", "sleep 10 & wait"),
    ]
    usleep(100_000)  // the loader maps the C library
    try withExtendedLifetime(commands) { try body(commands.map(\.target)) }
  }

  private func sites(_ text: String, _ resolver: inout TriggerUnion) throws -> [UserProbeSite] {
    guard case .userSites(let sites, _) = try resolver.resolve(try TriggerSpec.parse(text)) else { return [] }
    return sites
  }

  @Test func theSameFunctionOfTheSameFileIsOneSite() throws {
    try withCommands { processes in
      var all = TriggerUnion(of: processes, isForced: false)
      var one = TriggerUnion(of: [processes[0]], isForced: false)
      let sites = try self.sites("up:libc.so.6:getppid", &all)
      #expect(sites.count == 1)
      let alone = try self.sites("up:libc.so.6:getppid", &one)
      #expect(sites.map(\.offset) == alone.map(\.offset))
      #expect(all.warnings.isEmpty)
    }
  }

  /// Two programs with a function `work`, of which one runs twice.
  @Test func theFunctionOfEachProgramIsASiteOfItsOwn() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("triggers-\(UUID())")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let source = directory.appendingPathComponent("program.c")
    try """
    #include <unistd.h>
    void work(void) {}
    #ifdef OTHER
    void other_work(void) {}
    #endif
    int main(void) { for (;;) { work(); pause(); } }
    """.write(to: source, atomically: true, encoding: .utf8)
    let programs = ["one", "other"].map { directory.path + "/" + $0 }
    for (path, option) in zip(programs, ["-DONE", "-DOTHER"]) {
      let compiler = try Process.run(
        URL(fileURLWithPath: "/usr/bin/env"), arguments: ["cc", "-O1", option, "-o", path, source.path])
      compiler.waitUntilExit()
      try #require(compiler.terminationStatus == 0)
    }
    let commands = try [Command(programs[0]), Command(programs[0]), Command(programs[1])]
    defer { withExtendedLifetime(commands) {} }
    usleep(100_000)
    let processes = commands.map(\.target)
    var all = TriggerUnion(of: processes, isForced: false)
    let both = try sites("up:work", &all)
    #expect(both.map(\.path) == ["/proc/\(processes[0].pid)/exe", "/proc/\(processes[2].pid)/exe"])
    // Nobody but the target runs these programs.
    #expect(both.map(\.isShared) == [false, false])
    #expect(all.warnings.isEmpty)
    let others = try sites("up:other_work", &all)
    #expect(others.count == 1)
    #expect(all.warnings.count == 1)
    var one = TriggerUnion(of: [processes[0]], isForced: false)
    let alone = try sites("up:work", &one)
    #expect(alone.map(\.isShared) == [true])
  }

  @Test func aProcessThatLacksTheFunctionIsWarnedOfUnlessAllLackIt() throws {
    try withCommands { processes in
      var all = TriggerUnion(of: processes + [Self.own], isForced: false)
      let found = try sites("up:libswiftCore.so:swift_retain", &all)
      #expect(found.count == 1)
      #expect(all.warnings.count == 2)
      let pids = processes.map { String($0.pid) }
      #expect(all.warnings.contains { $0.contains("processes \(pids[0]), \(pids[1]) (command)") })
      #expect(all.warnings.contains { $0.contains("process \(pids[2]) (command)") })
      var none = TriggerUnion(of: processes, isForced: false)
      let missing = try? sites("up:libswiftCore.so:swift_retain", &none)
      #expect(missing == nil)
    }
  }

  @Test func placesOfTheKernelAreResolvedOnce() throws {
    var resolver = TriggerUnion(of: [Self.own], isForced: false)
    let found = try resolver.resolve(.tracepoint(system: "sched", event: "sched_switch", filter: nil))
    #expect(found == .tracepoint(EventName("sched", "sched_switch"), filter: nil))
  }
}
