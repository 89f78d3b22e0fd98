import Foundation
import Testing
import TraceModel

@testable import TraceSource

struct CaptureSetupTests {
  private let owner = InstanceOwner(pid: 4_194_305, startTime: 7)

  /// Everything from creation to removal.
  private func runCapture(_ tracefs: TracefsTree) throws(CaptureError) {
    let capture = try Capture(tracefs, owner: owner, settings: CaptureSettings(bufferKiB: 1024))
    try capture.watch(tids: [10, 11])
    try capture.start()
    try capture.stop()
    try capture.close()
  }

  @Test func setUpAndTearDownWriteExactlyThis() throws {
    let tracefs = try TracefsTree()
    try runCapture(tracefs)
    let instance = "instances/kdelay-4194305-7"
    let events = TracedEvent.allCases.map { "write \(instance)/events/\($0.name.system)/\($0.name.name)/enable 1" }
    #expect(
      tracefs.changes == [
        "mkdir kdelay-4194305-7",
        "write \(instance)/tracing_on 0",
        "write \(instance)/trace_clock mono",
        "write \(instance)/options/overwrite 1",
        "write \(instance)/options/event-fork 1",
        "write \(instance)/options/disable_on_free 1",
        "open \(instance)/free_buffer",
        "write \(instance)/buffer_subbuf_size_kb 64",
        "write \(instance)/buffer_size_kb 1024",
        "open \(instance)/per_cpu/cpu0/trace_pipe_raw",
        "open \(instance)/per_cpu/cpu1/trace_pipe_raw",
        "append \(instance)/set_event_pid 10 11",
      ] + events + [
        "write \(instance)/tracing_on 1",
        "write \(instance)/tracing_on 0",
        "rmdir kdelay-4194305-7",
      ])
    #expect(tracefs.instances.isEmpty)
  }

  @Test func nothingOutsideTheInstanceIsWritten() throws {
    let tracefs = try TracefsTree()
    try runCapture(tracefs)
    for change in tracefs.changes where change.hasPrefix("write") || change.hasPrefix("append") {
      #expect(change.split(separator: " ")[1].hasPrefix("instances/kdelay-4194305-7/"))
    }
  }

  /// Whichever step fails, the error is that step's and the instance is gone.
  @Test func aFailureAtAnyStepLeavesNothingBehind() throws {
    let complete = try TracefsTree()
    try runCapture(complete)
    for step in 0..<complete.changes.count - 1 {
      let tracefs = try TracefsTree()
      tracefs.failing = step
      let error = #expect(throws: CaptureError.self) { try runCapture(tracefs) }
      #expect(error?.what == "injected: \(complete.changes[step])")
      #expect(tracefs.instances.isEmpty, "after step \(step): \(complete.changes[step])")
    }
  }

  @Test func aKernelWithoutSyscallEventsIsRefused() throws {
    let tracefs = try TracefsTree()
    try tracefs.remove("events/raw_syscalls")
    let error = #expect(throws: CaptureError.self) { try runCapture(tracefs) }
    #expect(error?.code == .refused && error?.what.contains("raw_syscalls:sys_enter") == true)
    #expect(tracefs.changes.isEmpty)
  }

  @Test func anEventThatTheKernelLacksIsLeftOut() throws {
    let tracefs = try TracefsTree()
    try tracefs.remove("events/irq")
    let capture = try Capture(tracefs, owner: owner, settings: CaptureSettings(bufferKiB: 64))
    #expect(capture.missingEvents == [.hardIRQEntry, .hardIRQExit, .softIRQEntry, .softIRQExit])
    try capture.start()
    #expect(!tracefs.changes.contains { $0.contains("/irq/") })
    try capture.close()
  }

  @Test func onlyInstancesOfDeadOwnersAreStale() throws {
    let tracefs = try TracefsTree()
    let living = InstanceOwner.current.instanceName
    for name in ["kdelay-4194305-7", living, "somebody-1-2", "kdelay-x"] { try tracefs.createInstance(name) }
    // In another pid namespace an owner's pid says nothing; its lock does.
    try tracefs.createInstance("kdelay-4194306-8")
    let lock = DirectoryLock.wait(for: "\(tracefs.root)/instances/kdelay-4194306-8")
    #expect(try StaleInstances.list(tracefs) == ["kdelay-4194305-7"])
    #expect(try StaleInstances.remove(tracefs) == ["kdelay-4194305-7"])
    #expect(Set(tracefs.instances) == [living, "somebody-1-2", "kdelay-x", "kdelay-4194306-8"])
    _ = consume lock
    #expect(try StaleInstances.list(tracefs) == ["kdelay-4194306-8"])
  }
}

extension TracefsTree {
  fileprivate func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: "\(root)/\(path)") }
}
