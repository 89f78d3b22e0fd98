import Foundation
import Testing

@testable import TraceSource
@testable import kdelay_ftrace

/// The ends of sleeping commands.
struct TargetEndsTests {
  private final class Sleeper {
    let process = Process()
    var target: TargetProcess { TargetProcess(pid: process.processIdentifier, name: "sleep") }

    init() throws {
      process.executableURL = URL(fileURLWithPath: "/bin/sleep")
      process.arguments = ["60"]
      try process.run()
    }

    deinit { end() }

    func end() {
      guard process.isRunning else { return }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
  }

  /// `#expect` takes no value that cannot be copied.
  private final class Watch {
    private var ends: TargetEnds

    init(_ sleepers: [Sleeper]) throws { ends = try TargetEnds(sleepers.map(\.target)) }

    var areOver: Bool { ends.areOver() }
    var awaited: Int32 { ends.awaited }
  }

  @Test(arguments: [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]])
  func theyAreOverWithTheLastOne(order: [Int]) throws {
    let sleepers = try (0..<3).map { _ in try Sleeper() }
    let watch = try Watch(sleepers)
    for number in order {
      #expect(!watch.areOver)
      #expect(watch.awaited >= 0)
      sleepers[number].end()
    }
    #expect(watch.areOver)
    #expect(watch.awaited == -1)
    #expect(watch.areOver)
  }

  @Test func theEndOfTheOneThatIsLeftIsAwaited() throws {
    let sleepers = try (0..<2).map { _ in try Sleeper() }
    let watch = try Watch(sleepers)
    sleepers[0].end()
    #expect(!watch.areOver)
    var entry = pollfd(fd: watch.awaited, events: Int16(POLLIN), revents: 0)
    #expect(poll(&entry, 1, 0) == 0)
    sleepers[1].end()
    #expect(poll(&entry, 1, 0) == 1)
  }

  @Test func oneThatHasEndedAlreadyIsNotWaitedFor() throws {
    let sleepers = try (0..<2).map { _ in try Sleeper() }
    sleepers[1].end()
    let watch = try Watch(sleepers)
    #expect(!watch.areOver)
    sleepers[0].end()
    #expect(watch.areOver)
  }
}
