internal import TraceModel

extension StackFrame {
  /// `symbol+0xoff [module]`, with what else is known behind it.
  var text: String {
    var text: String
    if let symbol {
      text = Columns.printable(symbol)
      text += isInlined ? " (inlined)" : "+0x" + String(offset, radix: 16)
      if !module.isEmpty { text += " [\(Columns.printable(module))]" }
    } else {
      text = "[unknown] 0x" + String(address, radix: 16)
      if !module.isEmpty { text += " [\(Columns.printable(module))+0x\(String(moduleOffset, radix: 16))]" }
    }
    if let source { text += " \(Columns.printable(source))" }
    if isGuessed { text += " (guessed)" }
    return text
  }

  /// A function that every wait goes through.
  var isOfScheduler: Bool {
    symbol.map { Self.schedulerFunctions.contains($0) } ?? false
  }

  private static let schedulerFunctions: Set = [
    "__schedule", "schedule", "schedule_timeout", "schedule_hrtimeout_range", "schedule_hrtimeout_range_clock",
    "io_schedule", "io_schedule_timeout", "preempt_schedule_common", "__cond_resched", "schedule_preempt_disabled",
    "preempt_schedule", "preempt_schedule_thunk", "schedule_idle", "schedule_rtlock", "dynamic_cond_resched",
    "preempt_schedule_irq", "raw_irqentry_exit_cond_resched",
  ]
}
