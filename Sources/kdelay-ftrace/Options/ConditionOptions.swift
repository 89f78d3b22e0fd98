internal import ArgumentParser
internal import Session

/// What windows are made of that has happened already.
struct ConditionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Make a window of each interval that is longer than this: KIND>TIME or KIND>TIME@THREAD; see below. May be given several times.",
      valueName: "condition"))
  var when: [String] = []

  @Option(help: ArgumentHelp("Let such a window begin so long before the interval.", valueName: "seconds"))
  var before = 0.0

  @Option(
    help: ArgumentHelp(
      "Let such a window, or that of --look-back, end so long after the interval, or the trigger.", valueName: "seconds"
    ))
  var after = 0.0

  @Option(
    help: ArgumentHelp("Keep the latest events, of which windows are made, in so much memory.", valueName: "MiB"))
  var lookBackSize = 64

  func validate() throws {
    _ = try conditions()
    for (option, value) in [("--before", before), ("--after", after)] where !(value >= 0 && value <= Self.longest) {
      throw ValidationError("\(option) must be 0 to a day, in seconds, not \(value)")
    }
    if !(1...(1 << 20)).contains(lookBackSize) {
      throw ValidationError("--look-back-size must be 1 to 1048576 MiB, not \(lookBackSize)")
    }
    if before > 0, when.isEmpty { throw ValidationError("--before needs a condition: add --when CONDITION") }
  }

  /// Longest time that is taken for meant, s: a day.
  private static let longest = 86400.0

  /// The conditions, as the session knows them.
  func conditions() throws -> [Condition] {
    try when.map { text in
      do throws(ConditionError) { return try Condition(parsing: text) } catch {
        throw ValidationError("bad condition '\(text)' of --when: \(error.reason)")
      }
    }
  }

  /// Tells the session what windows are made of.
  func apply(to settings: inout SessionSettings) throws {
    settings.conditions = try conditions()
    settings.before = UInt64(before * 1e9)
    settings.after = UInt64(after * 1e9)
    settings.lookBackBytes = lookBackSize << 20
  }
}

extension CaptureOptions {
  /// Whether the options of windows go together.
  func validateConditions() throws {
    let all = try conditions.conditions()
    let windowCondition = all.first { $0.kind == .window }
    if let windowCondition, startTrigger == nil || stopTrigger == nil {
      throw ValidationError(
        "the condition '\(windowCondition.text)' needs --start-trigger T and --stop-trigger T, between which a window lies"
      )
    }
    if !all.isEmpty, windowCondition == nil {
      if startTrigger != nil {
        throw ValidationError("--start-trigger has no meaning with --when: give either, or add --when 'window>TIME'")
      }
      if stopTrigger != nil, windows.lookBack == nil {
        throw ValidationError("--stop-trigger has no meaning with --when: give either, or add --look-back SECONDS")
      }
    }
    if let condition = all.first(where: { $0.kind == .pageFault }), !recordsPageFaults {
      throw ValidationError("the condition '\(condition.text)' needs --blame, which records page faults")
    }
    if conditions.after > 0, all.isEmpty, windows.lookBack == nil {
      throw ValidationError("--after needs something to come after: add --when CONDITION or --look-back SECONDS")
    }
  }

  /// Whether the capture is told of page faults.
  private var recordsPageFaults: Bool { blame }
}
