internal import ArgumentParser
internal import TraceFile

extension CaptureOptions {
  /// The options that a recording was made with, with those of a report in place of as many. `isWhole`: one window from the
  /// beginning to the end.
  init(
    recorded arguments: [String], windows: WindowOptions, conditions: ConditionOptions, syscalls: SyscallOptions,
    isWhole: Bool
  ) throws {
    do { self = try CaptureOptions.parse(OptionalValues.separated(arguments)) } catch {
      throw ToolError(
        status: .unreadableInput, what: "the recording was made with options that are not known: \(arguments)",
        remedy: "use the kdelay-ftrace that recorded it, or a newer one")
    }
    try requireRecorded(windows.startTrigger, self.windows.startTrigger, "start")
    try requireRecorded(windows.stopTrigger, self.windows.stopTrigger, "stop")
    let makesWindows = windows.sampleTime != nil || windows.sampleCount != nil || !conditions.when.isEmpty || isWhole
    if makesWindows { forgetConditions() }
    if !conditions.when.isEmpty || isWhole, !conditions.when.contains(where: { $0.hasPrefix("window") }) {
      self.windows.startTrigger = nil
      self.windows.stopTrigger = nil
    }
    if isWhole {
      self.windows.sampleTime = nil
      self.windows.sampleCount = nil
    }
    self.windows.sampleTime = windows.sampleTime ?? self.windows.sampleTime
    self.windows.sampleCount = windows.sampleCount ?? self.windows.sampleCount
    self.windows.sampleInterval = windows.sampleInterval ?? self.windows.sampleInterval
    self.windows.triggerDelta = windows.triggerDelta ?? self.windows.triggerDelta
    self.windows.lookBack = windows.lookBack ?? self.windows.lookBack
    if !conditions.when.isEmpty { self.conditions = conditions }
    if syscalls.syscallEvents != nil { self.syscalls = syscalls }
    try validateConditions()
  }

  private mutating func forgetConditions() {
    conditions.when = []
    windows.lookBack = nil
  }

  private func requireRecorded(_ asked: String?, _ recorded: String?, _ role: String) throws(ToolError) {
    guard let asked, asked != recorded else { return }
    throw ToolError(
      status: .badTrigger, what: "the recording has no \(role) trigger '\(asked)'",
      remedy: recorded.map { "it has '\($0)'" } ?? "it was made without one: record it with --\(role)-trigger")
  }
}
