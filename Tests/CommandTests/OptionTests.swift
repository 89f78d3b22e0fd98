import Aggregator
import ArgumentParser
import Session
import Testing

@testable import kdelay_ftrace

struct DrainIntervalTests {
  @Test func aBusyStreamIsReadMoreOftenAndAQuietOneLess() {
    var interval = DrainInterval(bufferBytes: 32 << 20)
    for _ in 0..<20 { interval.adapt(toFilled: 0) }
    let quiet = interval.length
    for _ in 0..<20 { interval.adapt(toFilled: 2) }
    let busy = interval.length
    #expect(quiet == 100_000_000 && busy == 2_000_000)
  }
}

struct OptionTests {
  private func message(_ arguments: String...) -> String? {
    do {
      _ = try KernelDelay.parseAsRoot(arguments)
      return nil
    } catch { return KernelDelay.message(for: error) }
  }

  @Test func everyNumberIsChecked() {
    for bad in [
      "--sample-time=0", "--sample-time=-1", "--sample-time=nan", "--sample-time=1e300", "--sample-count=0",
      "--sample-interval=-1", "--sample-interval=inf", "--buffer-page-count=0", "--pid=0", "--pid=-5",
    ] { #expect(message(bad) != nil, "\(bad)") }
    #expect(message("--sample-time=0.001", "--sample-count=3", "-p", "1", "-D", "--format", "json") == nil)
  }

  @Test func aValueThatMayBeLeftOutCanBeJoined() throws {
    let arguments = ["--syscall-events=7", "--trigger-delta=5", "--sample-time=2", "--", "cmd", "--syscall-events=9"]
    let separated = OptionalValues.separated(arguments)
    #expect(
      separated == [
        "--syscall-events", "7", "--trigger-delta", "5", "--sample-time=2", "--", "cmd", "--syscall-events=9",
      ])
    let live = try #require(try KernelDelay.parseAsRoot(separated) as? LiveCommand)
    #expect(live.capture.syscallEvents == 7)
    #expect(live.capture.triggerDelta == 5)
    #expect(live.capture.command == ["cmd", "--syscall-events=9"])
  }

  /// A recording's options are what its capture was asked for.
  @Test func whatARecordingKeepsIsReadBack() throws {
    let arguments = [
      "--sample-time=2", "--sample-count=3", "--sample-interval=0.5", "--start-trigger", "k:-x", "--stop-trigger=kr:y",
      "--trigger-delta", "5", "-s", "1000", "--skip-syscall-poll-events", "--user-stacks", "fp", "--no-kernel-stacks",
      "--stack-trace-size=9", "--stack-dump-size=64", "--max-stack=3", "--skip-upcall-stats", "--blame", "--children",
      "--", "cmd", "-s", "--",
    ]
    let capture = try CaptureOptions.parse(arguments)
    let again = try CaptureOptions.parse(OptionalValues.separated(capture.recordedArguments))
    #expect(again.recordedArguments == capture.recordedArguments)
    #expect(again.syscalls.syscallEvents == 1000)
    #expect(again.windows.startTrigger == "k:-x")
    #expect(again.command == ["cmd", "-s", "--"])
  }

  @Test func slowSyscallsHaveStacksUnlessTheyAreNotWanted() {
    func command(_ arguments: String...) -> CaptureOptions? {
      (try? KernelDelay.parseAsRoot(arguments) as? LiveCommand)?.capture
    }
    #expect(command("-s")?.syscallEventFilter == SyscallEventFilter(threshold: nil, skipsPoll: false))
    #expect(
      command("-s", "1000", "--skip-syscall-poll-events")?.syscallEventFilter
        == SyscallEventFilter(threshold: 1000, skipsPoll: true))
    #expect(command("--syscall-events", "7")?.stackOptions?.dumpSize == 8192)
    #expect(command("-s", "--stack-trace-size", "0")?.stackOptions == nil)
    #expect(command("-s", "--user-stacks", "none", "--no-kernel-stacks")?.stackOptions == nil)
    #expect(command("-s", "--user-stacks", "fp")?.stackOptions?.user == .framePointers)
    #expect(command("--stack-trace-size", "9")?.stackOptions == nil)
    for bad in [
      "--stack-trace-size=-1", "--stack-dump-size=7", "--stack-dump-size=65529", "--max-stack=0", "--user-stacks=x",
    ] {
      #expect(message(bad) != nil, "\(bad)")
    }
  }

  @Test func aPidAndACommandExcludeEachOther() {
    #expect(message("-p", "1", "--", "true") == "give either -p PID or -- COMMAND, not both")
  }
}
