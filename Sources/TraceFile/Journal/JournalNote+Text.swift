internal import TraceFormat
internal import TraceModel

// The text of each note: a word that names it, and its values.
extension JournalNote {
  /// The version of the notes' format that is written and read.
  package static let currentVersion = 1

  /// The kinds of events that a note can name.
  private static let kinds: [(EventKind, String)] = [
    (.startTrigger, "start"), (.stopTrigger, "stop"), (.startStopTrigger, "start-stop"), (.upcall, "upcall"),
    (.returnAddress, "call"),
  ]

  /// The note as a line of text.
  package var text: String {
    switch self {
    case .version(let version): return UInt64(version).note("version").text
    case .arguments(let arguments): return arguments.note("arguments").text
    case .target(let process): return process.note("target").text
    case .recordingCost(let cost): return cost.note("recording-cost").text
    case .missingCause(let sentence): return sentence.note("missing-cause").text
    case .countsUpcalls(let isSo): return isSo.note("upcalls").text
    case .abi(let abi): return abi.note("abi").text
    case .tool(let pid): return pid.note("tool").text
    case .commandBegan: return "command-began"
    case .gate(let closes): return closes.note("gate").text
    case .watched(let tids): return tids.note("watched").text
    case .added(let process): return process.note("added").text
    case .cut(let time): return time.note("cut").text
    case .stopped(let reason): return reason.note("stopped").text
    case .answer(let question, let words): return "\(question) = \(words)"
    default: return words.text
    }
  }

  /// The words of notes of several values.
  private var words: NoteWords {
    var words: NoteWords
    switch self {
    case .trigger(let text, let isUserSpace, let stops):
      words = NoteWords("trigger")
      words.add(stops ? "stop" : "start")
      words.add(isUserSpace)
      words.add(text)
    case .event(let name, let kind):
      words = NoteWords("event")
      words.add(Self.kinds.first { $0.0 == kind }?.1 ?? "?")
      words.add(name.system)
      words.add(name.name)
    case .streams(let names):
      words = NoteWords("streams")
      words.add(each: names) { words, name in
        words.add(name.buffer)
        words.add(name.cpu)
      }
    case .begin(let others, let gateCloses):
      words = NoteWords("begin")
      words.add(gateCloses.map { $0 ? 1 : 0 })
      others.write(&words)
    case .missed(let triggers, let upcalls):
      words = NoteWords("missed")
      words.add(triggers)
      words.add(upcalls)
    case .turn(let turn):
      words = NoteWords("turn")
      words.add(turn.now)
      words.add(each: turn.parts) { words, part in
        words.add(part.position)
        words.add(part.pages)
        words.add(part.overrun)
      }
    default: words = NoteWords("?")
    }
    return words
  }

  /// Reads a note; nil where the text is none, or has not all its values.
  package init?(_ text: some StringProtocol) {
    var reader = NoteReader(text)
    guard let name = reader.word() else { return nil }
    if let note = Self.simple(name, &reader) ?? Self.compound(name, &reader) {
      self = note
      return
    }
    let parts = String(text).split(separator: " = ", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    self = .answer(question: String(parts[0]), words: String(parts[1]))
  }

  private static func simple(_ name: String, _ reader: inout NoteReader) -> JournalNote? {
    switch name {
    case "version": reader.number(Int.self).map { .version($0) }
    case "arguments": [String].read(&reader).map { .arguments($0) }
    case "target": NamedProcess.read(&reader).map { .target($0) }
    case "recording-cost": reader.number().map { .recordingCost($0) }
    case "missing-cause": reader.word().map { .missingCause($0) }
    case "upcalls": reader.truth().map { .countsUpcalls($0) }
    case "abi": SyscallABI.read(&reader).map { .abi($0) }
    case "tool": reader.number().map { .tool($0) }
    case "command-began": .commandBegan
    case "gate": reader.truth().map { .gate(closes: $0) }
    case "watched": [Int32].read(&reader).map { .watched($0) }
    case "added": NamedProcess.read(&reader).map { .added($0) }
    case "cut": reader.number().map { .cut(at: $0) }
    case "stopped": reader.word().map { .stopped($0) }
    default: nil
    }
  }

  private static func compound(_ name: String, _ reader: inout NoteReader) -> JournalNote? {
    switch name {
    case "trigger":
      guard let role = reader.word(), ["start", "stop"].contains(role), let isUserSpace = reader.truth(),
        let text = reader.word()
      else { return nil }
      return .trigger(text: text, isUserSpace: isUserSpace, stops: role == "stop")
    case "event":
      guard let word = reader.word(), let kind = kinds.first(where: { $0.1 == word })?.0, let system = reader.word(),
        let event = reader.word()
      else { return nil }
      return .event(EventName(system, event), kind)
    case "streams":
      return reader.list { reader -> RecordedStreamName? in
        guard let buffer = reader.word(), let cpu = reader.number(Int.self), (0..<1 << 16).contains(cpu) else {
          return nil
        }
        return RecordedStreamName(buffer: buffer, cpu: cpu)
      }.map { .streams($0) }
    case "begin":
      let gateCloses = reader.number(UInt8.self).map { $0 != 0 }
      return [NamedProcess].read(&reader).map { .begin(others: $0, gateCloses: gateCloses) }
    case "missed":
      guard let triggers = reader.number(UInt64.self), let upcalls = reader.number(UInt64.self) else { return nil }
      return .missed(triggers: triggers, upcalls: upcalls)
    case "turn": return turn(&reader)
    default: return nil
    }
  }

  private static func turn(_ reader: inout NoteReader) -> JournalNote? {
    guard let now = reader.number(UInt64.self) else { return nil }
    let parts = reader.list { reader -> JournalTurn.Part? in
      guard let position = reader.number(Int.self), let pages = reader.number(Int.self), position >= 0, pages >= 0
      else { return nil }
      return JournalTurn.Part(position: position, pages: pages, overrun: reader.number())
    }
    return parts.map { .turn(JournalTurn(now: now, parts: $0)) }
  }
}
