import TraceFormat
import TraceModel

/// Events in words, by which they are compared with what the kernel, or trace-cmd, prints.
enum EventWords {
  /// What an `Event` keeps of the kernel's text.
  static func of(_ name: String, _ text: String) -> String {
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

  /// A decoded event in the same words, the event's name first.
  static func of(_ event: Event, _ names: NameTable) -> String {
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
    return "\(name) \(essence)"
  }

  /// As sched_switch's print format writes the state.
  private static func stateLetters(_ state: Int32) -> String {
    let letters = [(1, "S"), (2, "D"), (4, "T"), (8, "t"), (16, "X"), (32, "Z"), (64, "P"), (128, "I")]
    let set = letters.filter { state & Int32($0.0) != 0 }.map(\.1)
    return (set.isEmpty ? "R" : set.joined(separator: "|")) + (state & 256 != 0 ? "+" : "")
  }
}
