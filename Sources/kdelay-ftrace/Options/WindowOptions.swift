internal import ArgumentParser

/// When a window opens and closes.
struct WindowOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Make a window this long (default: 0.5; with a command: until it ends).", valueName: "seconds"))
  var sampleTime: Double?

  @Option(
    help: ArgumentHelp(
      "Report so many windows (default: 1; with --when: all until the target ends or a signal comes).",
      valueName: "runs"))
  var sampleCount: Int?

  @Option(help: ArgumentHelp("Wait so long between two windows.", valueName: "seconds"))
  var sampleInterval: Double?

  @Option(help: ArgumentHelp("Open a window when this trigger fires (default: at once).", valueName: "trigger"))
  var startTrigger: String?

  @Option(
    help: ArgumentHelp("Close the window when this trigger fires (default: after its time).", valueName: "trigger"))
  var stopTrigger: String?

  @Option(
    defaultAsFlag: 0,
    help: ArgumentHelp("Leave out windows that the stop trigger closed sooner than this.", valueName: "ns"))
  var triggerDelta: UInt64?

  @Option(
    help: ArgumentHelp(
      "With a stop trigger: report so long a time before it. What happened is kept until then.", valueName: "seconds"))
  var lookBack: Double?

  @Flag(help: "Set a trigger even if it can harm the target.")
  var force = false

  /// Longest time that is taken for meant, s: a year.
  static let longest = 366.0 * 86400

  func validate() throws {
    if let sampleTime, !(sampleTime >= 1e-9 && sampleTime <= Self.longest) {
      throw ValidationError("--sample-time must be a nanosecond to a year, in seconds, not \(sampleTime)")
    }
    if let sampleCount, sampleCount < 1 {
      throw ValidationError("--sample-count must be at least 1, not \(sampleCount)")
    }
    if let lookBack {
      if !(lookBack >= 1e-9 && lookBack <= 86400) {
        throw ValidationError("--look-back must be a nanosecond to a day, in seconds, not \(lookBack)")
      }
      if stopTrigger == nil {
        throw ValidationError("--look-back needs a trigger to look back from: add --stop-trigger T")
      }
      if startTrigger != nil { throw ValidationError("give either --look-back SECONDS or --start-trigger T, not both") }
    }
    if let sampleInterval, !(sampleInterval >= 0 && sampleInterval <= Self.longest) {
      throw ValidationError("--sample-interval must be 0 to a year, in seconds, not \(sampleInterval)")
    }
  }
}
