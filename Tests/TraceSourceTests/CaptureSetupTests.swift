import Foundation
import Testing
import TraceModel

@testable import TraceFormat
@testable import TraceSource

struct CaptureSetupTests {
  private let owner = InstanceOwner(pid: 4_194_305, startTime: 7)

  /// Everything from creation to removal.
  private func runCapture(
    _ tracefs: TracefsTree, _ triggers: [Trigger] = [], countsUpcalls: Bool = false, recordsWakers: Bool = false,
    recordsReturnAddresses: Bool = false, recordsCauses: Bool = false
  ) throws(CaptureError) {
    let settings = CaptureSettings(
      bufferKiB: 1024, triggers: triggers, countsUpcalls: countsUpcalls, recordsWakers: recordsWakers,
      recordsReturnAddresses: recordsReturnAddresses, recordsCauses: recordsCauses)
    var capture = try Capture(tracefs, owner: owner, settings: settings)
    try capture.setup.watch(tids: [10, 11])
    try capture.setup.start(tids: [10, 11])
    try capture.setup.stop()
    try capture.close()
  }

  @Test func setUpAndTearDownWriteExactlyThis() throws {
    let tracefs = try TracefsTree()
    try runCapture(tracefs)
    let instance = "instances/kdelay-4194305-7"
    let events = TracedEvent.allCases.filter { $0 != .waking }.map {
      "write \(instance)/events/\($0.name.system)/\($0.name.name)/enable 1"
    }
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
        "write \(instance)/tracing_on 1",
      ] + events + [
        "write \(instance)/tracing_on 0",
        "rmdir kdelay-4194305-7",
      ])
    #expect(tracefs.instances.isEmpty)
  }

  @Test func wakersAreRecordedWhereTheyAreAskedFor() throws {
    let tracefs = try TracefsTree()
    try runCapture(tracefs, recordsWakers: true)
    #expect(tracefs.changes.contains("write instances/kdelay-4194305-7/events/sched/sched_waking/enable 1"))
  }

  /// Every instance is set up before any event is enabled; the machine's is the first to record.
  @Test func causesAreRecordedInTheDataInstanceAndTheMachineInOneOfItsOwn() throws {
    let tracefs = try TracefsTree()
    try runCapture(tracefs, recordsCauses: true)
    let data = "instances/kdelay-4194305-7"
    let machine = "\(data)-machine"
    let changes = tracefs.changes.filter {
      $0.contains("/events/") || $0.contains("tracing_on") || $0.contains("set_event_pid") || $0.contains("dir ")
    }
    let machineEvents = MachineEvent.allCases.map { "write \(machine)/events/\($0.event.name.path)/enable 1" }
    let causes = CauseEvent.allCases.map { "write \(data)/events/\($0.name.path)/enable 1" }
    let events = TracedEvent.allCases.filter { $0 != .waking }.map { "write \(data)/events/\($0.name.path)/enable 1" }
    #expect(
      changes == [
        "mkdir kdelay-4194305-7", "write \(data)/tracing_on 0", "mkdir kdelay-4194305-7-machine",
        "write \(machine)/tracing_on 0", "append \(data)/set_event_pid 10 11",
      ] + machineEvents + [
        "write \(machine)/tracing_on 1", "append \(data)/events/sched/sched_switch/trigger stacktrace",
      ] + causes + ["write \(data)/tracing_on 1"] + events + [
        "write \(data)/tracing_on 0", "write \(machine)/tracing_on 0", "rmdir kdelay-4194305-7",
        "rmdir kdelay-4194305-7-machine",
      ])
    #expect(tracefs.instances.isEmpty)
  }

  @Test func aWakeUpsWakerIsRecordedOnce() throws {
    let tracefs = try TracefsTree()
    try runCapture(tracefs, recordsWakers: true, recordsCauses: true)
    let waking = tracefs.changes.filter { $0.contains("sched_waking/enable") }
    #expect(waking == ["write instances/kdelay-4194305-7-machine/events/sched/sched_waking/enable 1"])
  }

  @Test func whateverOfTheCausesFailsLeavesNothingBehind() throws {
    let complete = try TracefsTree()
    try runCapture(complete, recordsCauses: true)
    for step in 0..<complete.changes.count - 2 {
      let tracefs = try TracefsTree()
      tracefs.failing = step
      #expect(throws: CaptureError.self, "\(complete.changes[step])") { try runCapture(tracefs, recordsCauses: true) }
      #expect(tracefs.instances.isEmpty, "after step \(step): \(complete.changes[step])")
    }
  }

  @Test func whatTheKernelLacksForCausesIsSaidOnceForEachPurpose() throws {
    let tracefs = try TracefsTree()
    for event in ["lock", "vmscan", "irq"] { try tracefs.remove("events/\(event)") }
    let capture = try Capture(
      tracefs, owner: owner, settings: CaptureSettings(bufferKiB: 64, recordsCauses: true))
    #expect(
      capture.setup.missingCauses == [
        "This kernel has no event vmscan:mm_vmscan_direct_reclaim_begin: time in which threads free memory themselves "
          + "cannot be told.",
        "This kernel has no event vmscan:mm_vmscan_memcg_reclaim_begin: time in which threads free memory of their "
          + "control group cannot be told.",
        "This kernel has no event lock:contention_begin: time in which threads spin for locks of the kernel cannot be "
          + "told.",
        "This kernel has no event irq:irq_handler_entry: how long interrupts had the CPUs cannot be told.",
      ])
    try capture.close()
  }

  @Test(arguments: [true, false])
  func namesAreLeftUnsavedWhereNobodyElseTraces(_ isAlone: Bool) throws {
    let tracefs = try TracefsTree()
    try "".write(toFile: "\(tracefs.root)/set_event", atomically: false, encoding: .utf8)
    try tracefs.createInstance("somebody")
    try (isAlone ? "" : "sched:sched_switch\n").write(
      toFile: "\(tracefs.root)/instances/somebody/set_event", atomically: false, encoding: .utf8)
    try runCapture(tracefs)
    let change = "write instances/kdelay-4194305-7/trace_options norecord-cmd"
    #expect(tracefs.changes.contains(change) == isAlone)
  }

  @Test func nothingOutsideTheInstanceIsWritten() throws {
    let tracefs = try TracefsTree()
    try runCapture(tracefs)
    for change in tracefs.changes where change.hasPrefix("write") || change.hasPrefix("append") {
      #expect(change.split(separator: " ")[1].hasPrefix("instances/kdelay-4194305-7/"))
    }
  }

  /// One of everything: two sites, a filter, an instance apart, gating, upcalls.
  private static let combinations: [[Trigger]] = [
    [],
    Trigger.pair(
      start: .userSites(
        [UserProbeSite(path: "/a", offset: 0x10), UserProbeSite(path: "/a", offset: 0x20)], isReturn: false),
      stop: .kernelFunction("f", isReturn: true)),
    Trigger.pair(
      start: .tracepoint(EventName("sched", "sched_wakeup"), filter: "pid == 1"),
      stop: .tracepoint(EventName("sched", "sched_wakeup"), filter: "pid == 2")),
  ]

  /// Whichever step fails, the error is that step's and everything is gone; except that a kernel that cannot gate is used
  /// without gating.
  @Test(arguments: combinations)
  func aFailureAtAnyStepLeavesNothingBehind(_ triggers: [Trigger]) throws {
    let complete = try TracefsTree()
    try runCapture(complete, triggers, countsUpcalls: true)
    #expect(complete.instances.isEmpty && complete.probes.isEmpty)
    let removal = complete.changes.lastIndex { $0.hasPrefix("write") } ?? 0
    for step in 0...removal {
      let tracefs = try TracefsTree()
      tracefs.failing = step
      let what = complete.changes[step]
      do {
        try runCapture(tracefs, triggers, countsUpcalls: true)
        #expect(what.contains("/trigger "), "\(what)")
      } catch {
        #expect(error.what.contains("injected: \(what)"))
      }
      #expect(tracefs.instances.isEmpty, "after step \(step): \(what)")
      #expect(tracefs.probes.isEmpty, "after step \(step): \(what)")
    }
  }

  @Test func callsAreRecordedBeforeAReturnTriggerReplacesTheirReturnAddresses() throws {
    let tracefs = try TracefsTree()
    let site = UserProbeSite(path: "/a", offset: 0x10)
    let pair = Trigger.pair(
      start: .userSites([site], isReturn: true),
      stop: .userSites([site, UserProbeSite(path: "/b", offset: 0x20)], isReturn: true))
    try runCapture(tracefs, pair, recordsReturnAddresses: true)
    let call = "kdelay_4194305_7/call_4194305"
    let triggers = "instances/kdelay-4194305-7-triggers"
    let instance = "instances/kdelay-4194305-7-calls"
    #if arch(arm64)
      let values = "ra=%x30:u64 sp=%sp:u32"
    #else
      let values = "ra=+0(%sp):u64 sp=%sp:u32"
    #endif
    #expect(
      tracefs.changes.filter { $0.contains("call_") } == [
        "append dynamic_events p:\(call) /a:0x10 \(values)",
        "append dynamic_events p:\(call) /b:0x20 \(values)",
        "write \(instance)/events/\(call)/enable 1",
        "append dynamic_events -:\(call)",
      ])
    let started = tracefs.changes.filter {
      $0.hasSuffix("enable 1") && $0.contains("kdelay_") || $0.hasPrefix("write \(instance)/tracing_on 1")
    }
    #expect(
      started == [
        "write \(instance)/events/\(call)/enable 1", "write \(instance)/tracing_on 1",
        "write \(triggers)/events/kdelay_4194305_7/start_4194305/enable 1",
        "write \(triggers)/events/kdelay_4194305_7/stop_4194305/enable 1",
      ])
    #expect(tracefs.probes.isEmpty)
  }

  @Test func callsOfOtherProcessesAreNotRecordedWhateverTheOtherTriggerIs() throws {
    let site = UserProbeSite(path: "/lib/libc.so.6", offset: 0x10)
    for countsUpcalls in [false, true] {
      let tracefs = try TracefsTree()
      let pair = Trigger.pair(
        start: .tracepoint(EventName("sched", "sched_wakeup"), filter: nil), stop: .userSites([site], isReturn: true))
      try runCapture(tracefs, pair, countsUpcalls: countsUpcalls, recordsReturnAddresses: true)
      #expect(tracefs.changes.contains("append instances/kdelay-4194305-7-calls/set_event_pid 10 11"))
      #expect(!tracefs.changes.contains { $0.contains("-triggers/set_event_pid") })
      #expect(!tracefs.changes.contains { $0.contains("-triggers/events/") && $0.contains("/call_") })
      #expect(tracefs.changes.contains("rmdir kdelay-4194305-7-calls"))
    }
  }

  @Test func callsAreNotRecordedForOtherTriggersOrWithoutStacks() throws {
    let site = UserProbeSite(path: "/a", offset: 0x10)
    for (isReturn, records) in [(false, true), (true, false)] {
      let tracefs = try TracefsTree()
      let trigger = Trigger.pair(start: .userSites([site], isReturn: isReturn), stop: nil)
      try runCapture(tracefs, trigger, recordsReturnAddresses: records)
      #expect(!tracefs.changes.contains { $0.contains("call_") })
    }
  }

  @Test func triggersAreSetUpInTheOrderThatKeepsTheGateSafe() throws {
    let tracefs = try TracefsTree()
    try runCapture(
      tracefs,
      Trigger.pair(
        start: .userSites([UserProbeSite(path: "/a", offset: 0x10, semaphoreOffset: 0x3000)], isReturn: false),
        stop: .userSites([UserProbeSite(path: "/a", offset: 0x10)], isReturn: true)))
    let data = "instances/kdelay-4194305-7"
    let group = "kdelay_4194305_7"
    func gating(_ command: String, _ label: String, _ condition: String = "") -> [String] {
      TracedEvent.allCases.filter(\.isGated).map {
        "append \(data)/events/\(group)/\(label)_4194305/trigger \(command)_event:\($0.name)\(condition)"
      }
    }
    let changes = tracefs.changes.filter {
      $0.contains("dynamic_events") || $0.contains("/trigger ") || $0.contains("tracing_on 1")
        || $0.contains("triggers/events") || $0.contains("triggers/set_event_pid")
        || $0.contains("raw_syscalls/") || $0.contains("mkdir") || $0.contains("rmdir")
    }
    #expect(
      changes == [
        "mkdir kdelay-4194305-7",
        "append dynamic_events p:\(group)/start_4194305 /a:0x10(0x3000)",
        "append dynamic_events r:\(group)/stop_4194305 /a:0x10",
        "mkdir kdelay-4194305-7-triggers",
        "append \(data)-triggers/set_event_pid 10 11",
        "write \(data)/tracing_on 1",
      ]
        // The gate opens before the start trigger is recorded …
        + gating("enable", "start") + [
          "write \(data)-triggers/events/\(group)/start_4194305/enable 1",
          "write \(data)-triggers/events/\(group)/stop_4194305/enable 1",
        ]
        // … and closes after the stop trigger is, for the target only.
        + gating("disable", "stop", " if (common_pid >= 10 && common_pid <= 11)") + [
          "write \(data)-triggers/tracing_on 1",
          "rmdir kdelay-4194305-7",
          "rmdir kdelay-4194305-7-triggers",
          "append dynamic_events -:\(group)/start_4194305",
          "append dynamic_events -:\(group)/stop_4194305",
        ])
  }

  @Test func aTriggerForAnyProcessIsNotHeldBackByThePidFilter() throws {
    let tracefs = try TracefsTree()
    try runCapture(
      tracefs,
      Trigger.pair(
        start: .userSites([UserProbeSite(path: "/a", offset: 0x10)], isReturn: false),
        stop: .tracepoint(EventName("sched", "sched_wakeup"), filter: nil)))
    #expect(!tracefs.changes.contains { $0.contains("triggers/set_event_pid") })
    let alone = try TracefsTree()
    let own = UserProbeSite(path: "/a", offset: 0x10, isShared: false)
    try runCapture(alone, [Trigger(.userSites([own], isReturn: false), kind: .startTrigger)])
    #expect(!alone.changes.contains { $0.contains("triggers/set_event_pid") })
    #expect(tracefs.changes.contains { $0.hasSuffix("sched_wakeup/trigger disable_event:raw_syscalls:sys_enter") })
  }

  @Test func oneProbeAsBothTriggersNeverClosesTheGate() throws {
    let tracefs = try TracefsTree()
    let probe = TriggerProbe.tracepoint(EventName("sched", "sched_wakeup"), filter: nil)
    #expect(Trigger.pair(start: probe, stop: probe).map(\.kind) == [.startStopTrigger])
    try runCapture(tracefs, Trigger.pair(start: probe, stop: probe))
    #expect(tracefs.changes.contains { $0.contains("enable_event") })
    #expect(!tracefs.changes.contains { $0.contains("disable_event") })
  }

  @Test func aKernelWithoutKprobesNamesTheOption() throws {
    let tracefs = try TracefsTree()
    try tracefs.remove("kprobe_events")
    let error = #expect(throws: CaptureError.self) {
      try runCapture(tracefs, [Trigger(.kernelFunction("f", isReturn: false), kind: .startTrigger)])
    }
    #expect(error?.code == .refused && error?.what.contains("CONFIG_KPROBE_EVENTS") == true)
    #expect(tracefs.instances.isEmpty)
  }

  @Test func whatTheKernelsProbesMissIsReadOnce() throws {
    let tracefs = try TracefsTree()
    let settings = CaptureSettings(
      bufferKiB: 64, triggers: [Trigger(.kernelFunction("f", isReturn: true), kind: .stopTrigger)], countsUpcalls: true)
    var capture = try Capture(tracefs, owner: owner, settings: settings)
    var seen: [[UInt64]] = []
    for (stop, upcall) in [(0, 0), (3, 1), (3, 5), (4, 5)] {
      // EVENT HITS MISSES, without groups: other people's events stand there too.
      try """
        start_1                                                     17               9
        stop_4194305                                                40               \(stop)
        upcall_4194305                                            1000               \(upcall)

      """.write(toFile: "\(tracefs.root)/kprobe_profile", atomically: false, encoding: .utf8)
      let misses = capture.setup.newMisses()
      seen.append([misses.triggers, misses.upcalls])
    }
    try capture.close()
    #expect(seen == [[0, 0], [3, 1], [0, 4], [1, 0]])
  }

  @Test func aRefusedProbeTellsTheKernelsReason() throws {
    let triggers = [Trigger(.kernelFunction("f", isReturn: false), kind: .startTrigger)]
    let complete = try TracefsTree()
    try runCapture(complete, triggers)
    let tracefs = try TracefsTree()
    try """
    [   11.000001] trace_kprobe: error: Symbol is not there
      Command: p:probe/x g
                 ^
    [   12.000001] trace_kprobe: error: Failed to register probe event
      Command: p:kdelay_4194305_7/start_4194305 f
                 ^

    """.write(toFile: "\(tracefs.root)/error_log", atomically: false, encoding: .utf8)
    tracefs.failing = complete.changes.firstIndex { $0.contains("dynamic_events") }
    let error = #expect(throws: CaptureError.self) { try runCapture(tracefs, triggers) }
    #expect(error?.what == "the kernel refused a probe at f: Failed to register probe event")
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
    var capture = try Capture(tracefs, owner: owner, settings: CaptureSettings(bufferKiB: 64))
    #expect(capture.setup.missingEvents == [.hardIRQEntry, .hardIRQExit, .softIRQEntry, .softIRQExit])
    try capture.setup.start(tids: [10])
    #expect(!tracefs.changes.contains { $0.contains("/irq/") })
    try capture.close()
  }

  @Test func onlyWhatDeadOwnersLeftIsStale() throws {
    let tracefs = try TracefsTree()
    let living = InstanceOwner.current.instanceName()
    for name in ["kdelay-4194305-7", living, "somebody-1-2", "kdelay-x"] { try tracefs.createInstance(name) }
    // In another pid namespace an owner's pid says nothing; its lock does.
    try tracefs.createInstance("kdelay-4194306-8")
    let lock = DirectoryLock.wait(for: "\(tracefs.root)/instances/kdelay-4194306-8")
    for group in [owner.probeGroupName, InstanceOwner.current.probeGroupName, "probes", "kdelay_4194306_8"] {
      for site in 1...2 { try tracefs.write("p:\(group)/start /a:\(site)", to: "dynamic_events", append: true) }
    }
    let stale = ["instances/kdelay-4194305-7", "dynamic_events/kdelay_4194305_7/start"]
    #expect(try Leftovers.list(tracefs) == stale)
    #expect(try Leftovers.remove(tracefs) == stale)
    #expect(tracefs.probes.count == 6)
    #expect(Set(tracefs.instances) == [living, "somebody-1-2", "kdelay-x", "kdelay-4194306-8"])
    _ = consume lock
    #expect(
      try Leftovers.list(tracefs) == ["instances/kdelay-4194306-8", "dynamic_events/kdelay_4194306_8/start"])
  }
}

extension TracefsTree {
  fileprivate func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: "\(root)/\(path)") }
}
