internal import Session
internal import TraceModel

/// What is said on stderr when a session is over: that nothing was reported, that the target ended, what was not watched.
struct SessionSummary {
  private(set) var lines: [String] = []

  /// `lifetime`: how long a command ran, ns; of another target whatever it is, it tells that it has ended. Nil where the target
  /// has not.
  init(_ session: borrowing Session, lifetime: UInt64?, isCommand: Bool) {
    let settings = session.settings
    let count = session.childrenSeen
    let target =
      settings.targets.count == 1
      ? "process \(settings.first.pid) (\(session.targetName))"
      : "the \(settings.targets.count) processes of the target"
    let children = count == 0 ? nil : "\(target) had \(Self.unwatched(count))"
    if session.windowCount == 0, !settings.conditions.isEmpty {
      let texts = settings.conditions.map { "'\($0.text)'" }.joined(separator: ", ")
      lines.append("nothing is reported: nothing happened that was \(texts)")
    } else if session.windowCount == 0, let trigger = settings.startTrigger {
      // Triggers of the kernel come from any process.
      let reason = trigger.isUserSpace ? children : nil
      lines.append(
        "warning: nothing is reported: the start trigger '\(trigger.text)' did not come\(reason.map { "; \($0)" } ?? "")"
      )
    } else if settings.startTrigger == nil, settings.stopTrigger?.isUserSpace == true, !session.hasSeenTrigger {
      lines.append("warning: the stop trigger did not come\(children.map { ": \($0)" } ?? "")")
    }
    if settings.looksBack, session.missedTriggers > 0 {
      lines.append(
        "warning: the kernel missed \(session.missedTriggers) triggers after the last window: nothing is reported of these"
      )
    }
    guard let lifetime else { return }
    let living = session.livingChildren()
    if !isCommand {
      let rest = living == 0 ? "" : "; \(Self.running(living)) on unwatched"
      lines.append("\(target) ended\(rest)")
    } else if living > 0 {
      lines.append(
        "warning: the command ended after \(lifetime / 1_000_000) ms, which is all that was measured: "
          + "\(Self.running(living)) on unwatched")
    }
  }

  /// What is said of `count` processes that have not ended, as the beginning of a clause.
  private static func running(_ count: Int) -> String {
    count == 1 ? "a process that it started runs" : "\(count) processes that it started run"
  }

  /// What is said of `count` processes, as the end of a sentence.
  private static func unwatched(_ count: Int) -> String {
    count == 1 ? "1 child process, which is not watched" : "\(count) child processes, which are not watched"
  }
}
