internal import TraceModel
internal import TraceSource

/// The start and the stop trigger of a capture, as written and as the kernel is told.
struct TriggerPair {
  private struct Member {
    var text: String
    var probe: TriggerProbe
  }

  private var first: Member?
  private var last: Member?

  /// Resolves what was given. Everything is looked up before anything is changed.
  static func resolve(
    start: String?, stop: String?, _ resolver: inout TriggerResolver
  ) throws(ToolError) -> TriggerPair {
    var pair = TriggerPair()
    if let start { pair.first = try member(start, "start", &resolver) }
    if let stop { pair.last = try member(stop, "stop", &resolver) }
    return pair
  }

  private static func member(
    _ text: String, _ role: String, _ resolver: inout TriggerResolver
  ) throws(ToolError) -> Member {
    let spec: TriggerSpec
    do { spec = try TriggerSpec.parse(text) } catch {
      throw ToolError(
        status: .badTrigger, what: "bad \(role) trigger '\(text)': \(error.reason)",
        remedy: "`kdelay-ftrace list` shows what can be a trigger")
    }
    do { return Member(text: text, probe: try resolver.resolve(spec)) } catch {
      throw ToolError(
        status: .badTrigger, what: "bad \(role) trigger '\(text)': \(error.reason)", remedy: error.remedy)
    }
  }

  var start: TriggerProbe? { first?.probe }
  var stop: TriggerProbe? { last?.probe }
  var probes: [Trigger] { Trigger.pair(start: start, stop: stop) }

  /// What was written for the trigger that did this. `closing`: it ended a window.
  func text(of kind: EventKind, closing: Bool = false) -> String {
    (closing || kind == .stopTrigger ? last : first)?.text ?? ""
  }

  /// Whether only the target can have caused it.
  func isUserSpace(_ kind: EventKind) -> Bool {
    (kind == .stopTrigger ? stop : start)?.isUserSpace ?? false
  }

  /// What the operator should know where nothing, or not all, was measured for want of a trigger.
  func missing(windows: Int) -> String? {
    guard windows == 0, let first else { return nil }
    return "nothing is reported: the start trigger '\(first.text)' did not come"
  }
}
