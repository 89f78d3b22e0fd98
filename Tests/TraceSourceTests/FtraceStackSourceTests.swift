import Foundation
import Testing

@testable import TraceSource

struct FtraceStackSourceTests {
  private func run(_ tracefs: TracefsTree, kernel: Bool = true, user: Bool = true) throws(CaptureError) {
    let target = try TargetProcess.find(pid: getpid())
    var source = try FtraceStackSource(tracefs, kernel: kernel, user: user)
    try source.attach(to: [target])
  }

  @Test func whichStacksAreRecordedIsAsked() throws {
    for (kernel, user) in [(true, false), (false, true)] {
      let tracefs = try TracefsTree()
      try run(tracefs, kernel: kernel, user: user)
      let options = tracefs.changes.filter { $0.contains("stacktrace") }.map {
        $0.split(separator: "/").last.map(String.init)
      }
      #expect(options == [kernel ? "trigger stacktrace" : "userstacktrace 1"])
      #expect(tracefs.changes.last?.hasPrefix("rmdir kdelay-\(getpid())-") == true)
    }
  }

  @Test func aFailureAtAnyStepLeavesNothingBehind() throws {
    let complete = try TracefsTree()
    try run(complete)
    for step in 0..<complete.changes.count - 1 {
      let tracefs = try TracefsTree()
      tracefs.failing = step
      do {
        try run(tracefs)
        Issue.record("step \(step) did not fail: \(complete.changes[step])")
      } catch {
        #expect(error.what.contains("injected"))
      }
      #expect(tracefs.instances.isEmpty, "after \(complete.changes[step])")
    }
  }
}
