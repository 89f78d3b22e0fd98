import Foundation
import Testing
import TraceModel

@testable import Binaries
@testable import Unwinder

/// The environment is the process's: one after the other.
@Suite(.serialized)
struct DebugInfoServerTests {
  /// Serves a directory on a port of its own until it is gone.
  private final class Server {
    private let process = Process()
    let port: Int

    /// `handler` replaces the answer to a request.
    init(_ fixture: Fixture, handler: String = "") throws {
      try fixture.write(
        "server.py",
        """
        import http.server, time
        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *a): pass
        \(handler)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """)
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["python3", "server.py"]
      process.currentDirectoryURL = URL(fileURLWithPath: fixture.directory)
      let output = Pipe()
      process.standardOutput = output
      process.standardError = FileHandle.nullDevice
      try process.run()
      port = try #require(Int(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).trimmed))
    }

    deinit {
      // The tests' threads block signals, and what they start inherits that.
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }

  /// A stripped program, its debug file where a server has it, and its build-id.
  private func fixture() throws -> (Fixture, buildID: [UInt8]) {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run(
      """
      gcc -g -Wl,--build-id a.c -o a; strip -o stripped a
      id=$(readelf -nW a | sed -n 's/.*Build ID: //p'); mkdir -p buildid/$id
      objcopy --only-keep-debug a buildid/$id/debuginfo
      """)
    let image = try ELFImage(path: fixture.path("a"))
    let buildID = image.buildID
    return (fixture, try #require(buildID))
  }

  private func helper(_ fixture: Fixture) throws -> StackFrame {
    let address = try fixture.address(of: "hidden_helper", in: "a") + 8
    return try fixture.frames(at: [address], in: "stripped")[0][0]
  }

  private func withServer<Result>(_ server: Server, _ fixture: Fixture, _ body: () throws -> Result) rethrows -> Result
  {
    setenv("DEBUGINFOD_URLS", "http://127.0.0.1:\(server.port)/", 1)
    setenv("DEBUGINFOD_CACHE_PATH", fixture.path("cache"), 1)
    defer {
      unsetenv("DEBUGINFOD_URLS")
      unsetenv("DEBUGINFOD_CACHE_PATH")
    }
    return try withExtendedLifetime(server, body)
  }

  @Test func debugInformationComesFromAServerWhereOneIsNamed() throws {
    let (fixture, _) = try fixture()
    #expect(try helper(fixture).symbol != "hidden_helper")
    let frame = try withServer(Server(fixture), fixture) { try helper(fixture) }
    #expect(frame.symbol == "hidden_helper" && frame.source?.hasSuffix("a.c:2") == true)
  }

  @Test func anotherFileThanTheOneThatWasAskedForIsNotUsed() throws {
    let (fixture, _) = try fixture()
    try fixture.run("echo 'int main(void) { return 0; }' > b.c; gcc -g b.c -o b; cp b buildid/*/debuginfo")
    #expect(try withServer(Server(fixture), fixture) { try helper(fixture).symbol } != "hidden_helper")
  }

  @Test func aServerThatDoesNotAnswerIsNotWaitedForLong() throws {
    let (fixture, buildID) = try fixture()
    let finder = DebugInfoServer(fileLimit: .milliseconds(700), totalLimit: .milliseconds(800))
    let start = ContinuousClock.now
    try withServer(Server(fixture, handler: "    def do_GET(self): time.sleep(60)"), fixture) {
      for _ in 0..<20 { #expect(finder.find(buildID: buildID) == nil) }
    }
    #expect(ContinuousClock.now - start < .seconds(8))
  }

  @Test func withoutServersNobodyIsAsked() throws {
    #expect(DebugInfoServer().find(buildID: [1, 2, 3, 4]) == nil)
  }
}
