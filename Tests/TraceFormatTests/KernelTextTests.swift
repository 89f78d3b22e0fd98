import Foundation
import Testing
import TraceFormat
import TraceModel
import TraceTestSupport

/// The kernel's own text of the same ring buffer is the oracle for every decoded event.
struct KernelTextTests {
  @Test func fixturesOfSeveralKernelsAreThere() {
    #expect(Fixture.kernels.count >= 3)
    #expect(Fixture.withText.count >= 12)
  }

  @Test(arguments: Fixture.withText)
  func decodedEventsSayWhatTheKernelPrints(_ fixture: Fixture) throws {
    let lines = try Self.lines(fixture)
    #expect(!lines.isEmpty)
    for cpu in fixture.cpus {
      let (events, names) = try fixture.eventsAsPrinted(cpu: cpu)
      let decoded = events.map { Self.describe($0, names) }
      let printed = lines.filter { $0.cpu == cpu }.map(\.description)
      #expect(decoded.count == printed.count, "cpu \(cpu)")
      for (ours, theirs) in zip(decoded, printed) where ours != theirs {
        Issue.record("cpu \(cpu): decoded '\(ours)', the kernel printed '\(theirs)'")
        break
      }
    }
  }

  /// `trace-ns.txt` has the exact times: "pid cpu ns type: id".
  @Test(arguments: Fixture.withText)
  func timesAreExactToTheNanosecond(_ fixture: Fixture) throws {
    let text = try String(contentsOf: fixture.url("trace-ns.txt"), encoding: .utf8)
    var printed: [Int: [UInt64]] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 5, words[3] == "type:", let cpu = Int(words[1]), let time = UInt64(words[2]) else {
        continue
      }
      printed[cpu, default: []].append(time)
    }
    for cpu in fixture.cpus {
      let decoded = try fixture.eventsAsPrinted(cpu: cpu).events.map(\.timestamp)
      let isEqual = decoded == printed[cpu] ?? []
      #expect(isEqual, "cpu \(cpu)")
    }
  }

  @Test(arguments: Fixture.all)
  func eventsReadAndLostAreAllThatTheKernelCounted(_ fixture: Fixture) throws {
    for cpu in fixture.cpus {
      let (_, _, pages) = try fixture.decode(cpu: cpu)
      #expect(pages.allSatisfy { $0.status == .complete && $0.undecodable == 0 }, "cpu \(cpu)")
      // The numbers are from before the last read: what was read by then, and what was still there.
      let recorded = try fixture.statistic("entries", cpu: cpu)! + fixture.statistic("read events", cpu: cpu)!
      #expect(pages.reduce(0) { $0 + $1.events } == recorded, "cpu \(cpu)")
      let missed = pages.compactMap(\.missed)
      if !missed.contains(-1) {
        #expect(try fixture.statistic("overrun", cpu: cpu) == Int(missed.reduce(0, +)), "cpu \(cpu)")
      }
    }
  }

  // MARK: Both sides in the same words

  struct Line {
    let cpu: Int
    let description: String
  }

  private static func lines(_ fixture: Fixture) throws -> [Line] {
    try String(contentsOf: fixture.url("trace.txt"), encoding: .utf8).split(separator: "\n")
      .compactMap { line in
        guard !line.hasPrefix("#"), let open = line.firstIndex(of: "["), let close = line[open...].firstIndex(of: "]"),
          let cpu = Int(line[line.index(after: open)..<close])
        else { return nil }
        // "TASK-PID [CPU] FLAGS TIME: EVENT: TEXT"
        let rest = line[line.index(after: close)...].split(separator: ":", maxSplits: 2)
        guard rest.count == 3 else { return nil }
        let time = rest[0].split(separator: " ").last.map(String.init) ?? ""
        let name = rest[1].trimmingCharacters(in: .whitespaces)
        let task = line[..<open].trimmingCharacters(in: .whitespaces)
        let pid = task.split(separator: "-").last.map(String.init) ?? ""
        return Line(cpu: cpu, description: "\(time) \(pid) \(name) \(essence(name, String(rest[2])))")
      }
  }

  /// What an `Event` keeps of the kernel's text.
  private static func essence(_ name: String, _ text: String) -> String {
    let words = text.split(separator: " ").map(String.init)
    func value(_ key: String) -> String {
      words.first { $0.hasPrefix("\(key)=") }.map { String($0.dropFirst(key.count + 1)) } ?? "?"
    }
    switch name {
    // "NR 202 (7f01, 81, …)"
    case "sys_enter": return "\(words[1]) \(words[3].filter { $0 != "," && $0 != ")" })"
    case "sys_exit": return "\(words[1]) \(words[3])"
    case "sched_switch": return "\(value("prev_pid")) \(value("prev_state")) \(value("next_pid"))"
    case "sched_wakeup", "sched_wakeup_new", "sched_waking", "sched_process_exit": return value("pid")
    case "irq_handler_entry": return "\(value("irq")) \(value("name"))"
    case "irq_handler_exit": return "\(value("irq")) \(value("ret"))"
    case "softirq_entry", "softirq_exit": return value("vec")
    case "task_newtask": return "\(value("pid")) \(value("comm")) \(value("clone_flags"))"
    case "task_rename": return "\(value("pid")) \(value("newcomm"))"
    case "sched_process_exec": return "\(value("pid")) \(value("old_pid"))"
    default: return "? \(text)"
    }
  }

  private static func describe(_ event: Event, _ names: NameTable) -> String {
    // The kernel rounds to the nearest microsecond.
    let microseconds = (event.timestamp + 500) / 1000
    let fraction = String(microseconds % 1_000_000)
    let time = "\(microseconds / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)"
    let (name, essence): (String, String) =
      switch event.kind {
      case .syscallEnter: ("sys_enter", "\(event.subject) \(String(UInt64(bitPattern: event.value), radix: 16))")
      case .syscallExit: ("sys_exit", "\(event.subject) \(event.value)")
      case .contextSwitch: ("sched_switch", "\(event.tid) \(stateLetters(event.detail)) \(event.subject)")
      case .wakeup: ("sched_wakeup", "\(event.subject)")
      case .wakeupNew: ("sched_wakeup_new", "\(event.subject)")
      case .waking: ("sched_waking", "\(event.subject)")
      case .hardIRQEntry: ("irq_handler_entry", "\(event.subject) \(names[event.detail])")
      case .hardIRQExit: ("irq_handler_exit", "\(event.subject) \(event.detail != 0 ? "handled" : "unhandled")")
      case .softIRQEntry: ("softirq_entry", "\(event.subject)")
      case .softIRQExit: ("softirq_exit", "\(event.subject)")
      case .newTask: ("task_newtask", "\(event.subject) \(names[event.detail]) \(String(event.value, radix: 16))")
      case .rename: ("task_rename", "\(event.subject) \(names[event.detail])")
      case .exit: ("sched_process_exit", "\(event.subject)")
      case .exec: ("sched_process_exec", "\(event.subject) \(event.detail)")
      case .gapStart, .gapEnd: ("gap", "")
      case .startTrigger, .stopTrigger, .startStopTrigger, .lostTriggers, .upcall, .returnAddress, .kernelStack,
        .pageFault, .activityBegin, .activityEnd, .diskRequest, .machineSwitch, .machineWaking, .machineHardIRQEntry,
        .machineHardIRQExit, .machineSoftIRQEntry, .machineSoftIRQExit:
        ("no event of the fixtures", "")
      }
    return "\(time) \(event.tid) \(name) \(essence)"
  }

  /// As sched_switch's print format writes the state.
  private static func stateLetters(_ state: Int32) -> String {
    let letters = [(1, "S"), (2, "D"), (4, "T"), (8, "t"), (16, "X"), (32, "Z"), (64, "P"), (128, "I")]
    let set = letters.filter { state & Int32($0.0) != 0 }.map(\.1)
    return (set.isEmpty ? "R" : set.joined(separator: "|")) + (state & 256 != 0 ? "+" : "")
  }
}
