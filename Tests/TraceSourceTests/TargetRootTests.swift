import Foundation
import Testing

@testable import TraceSource

/// The map is this process's own.
@Suite(.serialized)
struct TargetRootTests {
  private let path = "/tmp/perf-\(getpid()).map"

  private func read(_ commands: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-ec", "rm -rf $0; \(commands)", path]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return String(decoding: TargetRoots().readPerfMap(of: getpid()), as: UTF8.self)
  }

  @Test func aRunTimeCompilersMapIsRead() throws {
    #expect(try read("echo 1000 10 name > $0") == "1000 10 name\n")
    let long = try read("for i in $(seq 20000); do echo 1000 10 name$i; done > $0")
    #expect(long.hasSuffix("name20000\n") && long.split(separator: "\n").count == 20000)
  }

  @Test(arguments: [
    "echo 1000 10 secret > $0.other; ln -s $0.other $0", "mkfifo $0", "mkdir $0", "true", "ln -s /dev/zero $0",
  ])
  func onlyARegularFileIsRead(_ commands: String) throws {
    defer { try? FileManager.default.removeItem(atPath: path + ".other") }
    #expect(try read(commands) == "")
  }

  @Test(.enabled(if: getuid() == 0))
  func anotherUsersFileIsNotRead() throws {
    #expect(try read("echo 1000 10 name > $0; chown 12345 $0") == "")
  }
}
