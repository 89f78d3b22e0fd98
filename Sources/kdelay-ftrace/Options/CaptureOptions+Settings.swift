internal import Session
internal import TraceModel
internal import TraceSource

/// The triggers of a capture as a session knows them.
struct TriggerTexts {
  var start: SessionSettings.TriggerText?
  var stop: SessionSettings.TriggerText?
}

extension CaptureOptions {
  /// What the session is asked for.
  func settings(
    _ targets: [NamedProcess], _ triggers: TriggerTexts, countsUpcalls: Bool
  ) throws -> SessionSettings {
    let length = sampleTime ?? (command.isEmpty || startTrigger != nil ? 0.5 : nil)
    var settings = SessionSettings(targets: targets)
    settings.followsChildren = self.targets.selection.followsChildren
    settings.isCommand = !command.isEmpty
    settings.startTrigger = triggers.start
    settings.stopTrigger = triggers.stop
    settings.length = stopTrigger == nil ? length.map { UInt64($0 * 1e9) } : nil
    settings.pause = UInt64(sampleInterval * 1e9)
    settings.count = sampleCount
    settings.shortest = triggerDelta ?? 0
    settings.slowSyscalls = syscallEventFilter
    settings.stacks = stackOptions
    settings.countsUpcalls = countsUpcalls
    try conditions.apply(to: &settings)
    settings.lookBack = windows.lookBack.map { UInt64($0 * 1e9) }
    return settings
  }

  /// Whether windows are made of what has happened already.
  var looksBack: Bool { !conditions.when.isEmpty || windows.lookBack != nil }

  /// Says which options do nothing.
  func warnOfIdleOptions() {
    if startTrigger != nil, stopTrigger != nil, sampleTime != nil, !looksBack {
      Failure.say("warning: --sample-time has no effect: the stop trigger ends each window")
    }
    if looksBack { return warnOfIdleWindowOptions() }
    if triggerDelta != nil, stopTrigger == nil {
      Failure.say("warning: --trigger-delta has no effect: no stop trigger ends a window")
    }
  }

  /// Windows of what has happened have the length of that.
  private func warnOfIdleWindowOptions() {
    let why = "windows are made of what has happened"
    if sampleTime != nil { Failure.say("warning: --sample-time has no effect: \(why)") }
    if sampleInterval > 0 { Failure.say("warning: --sample-interval has no effect: \(why)") }
    if triggerDelta != nil {
      Failure.say("warning: --trigger-delta has no effect: \(why); a condition 'window>TIME' asks for a length")
    }
  }
}
