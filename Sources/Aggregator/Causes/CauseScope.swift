/// What an aggregator learns causes from.
package enum CauseScope: Sendable {
  /// Causes are not looked for.
  case none
  /// From the switches and wake-ups of the target's threads alone.
  case target
  /// From switches, wake-ups and interrupts of the whole machine as well.
  case machine
}
