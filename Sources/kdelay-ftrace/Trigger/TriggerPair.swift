internal import Session
internal import TraceSource

/// The start and the stop trigger of a capture, as written and as the kernel is told.
struct TriggerPair {
  private struct Member {
    var text: String
    var probe: TriggerProbe
  }

  private var first: Member?
  private var last: Member?

  /// Finds both triggers, as far as they were given. Everything is looked up before anything is changed.
  static func resolve(
    start: String?, stop: String?, _ resolver: inout TriggerUnion
  ) throws(ToolError) -> TriggerPair {
    var pair = TriggerPair()
    if let start { pair.first = try member(start, "start", &resolver) }
    if let stop { pair.last = try member(stop, "stop", &resolver) }
    return pair
  }

  private static func member(
    _ text: String, _ role: String, _ resolver: inout TriggerUnion
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

  /// What the session knows of the triggers.
  var texts: TriggerTexts { TriggerTexts(start: first.map(Self.text), stop: last.map(Self.text)) }

  private static func text(_ member: Member) -> SessionSettings.TriggerText {
    SessionSettings.TriggerText(text: member.text, isUserSpace: member.probe.isUserSpace)
  }
}
