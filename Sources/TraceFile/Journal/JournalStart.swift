package import TraceFormat
package import TraceModel

/// What a recording's journal says before anything was recorded.
package struct JournalStart: Sendable {
  /// A trigger as the operator wrote it.
  package struct Trigger: Sendable, Equatable {
    package var text: String
    /// Whether only the target can have caused it.
    package var isUserSpace: Bool
  }

  /// The arguments of the command line that recorded.
  package private(set) var arguments: [String] = []
  /// The target's processes, the first one first.
  package private(set) var targets: [NamedProcess] = []
  package private(set) var startTrigger: Trigger?
  package private(set) var stopTrigger: Trigger?
  /// The events that only the recorder knew the meaning of.
  package private(set) var events: [(name: EventName, kind: EventKind)] = []
  /// What recording a syscall added to its thread's time, ns.
  package private(set) var recordingCost: UInt64?
  package private(set) var missingCauses: [String] = []
  package private(set) var countsUpcalls = false
  package private(set) var abi: SyscallABI?
  package private(set) var tool: Int32?
  /// The recorded streams, by position.
  package private(set) var streams: [RecordedStreamName] = []

  /// Reads what the first phase of a journal, of the recording at `path`, says.
  init(_ phase: JournalPhase, _ path: String) throws(TraceFileError) {
    guard case .version(let version)? = phase.notes.first else {
      throw TraceFileError(.malformed, path, "its journal has no beginning")
    }
    guard version == JournalNote.currentVersion else {
      throw TraceFileError(
        .unsupported, path, "its journal is of version \(version), and not \(JournalNote.currentVersion)",
        remedy: "use the kdelay-ftrace that recorded it, or a newer one")
    }
    for note in phase.notes { take(note) }
    guard !targets.isEmpty, !streams.isEmpty else {
      throw TraceFileError(.malformed, path, "its journal does not say what was recorded")
    }
  }

  private mutating func take(_ note: JournalNote) {
    switch note {
    case .arguments(let arguments): self.arguments = arguments
    case .target(let process): targets.append(process)
    case .trigger(let text, let isUserSpace, stops: false):
      startTrigger = Trigger(text: text, isUserSpace: isUserSpace)
    case .trigger(let text, let isUserSpace, stops: true): stopTrigger = Trigger(text: text, isUserSpace: isUserSpace)
    case .event(let name, let kind): events.append((name, kind))
    case .recordingCost(let cost): recordingCost = cost
    case .missingCause(let sentence): missingCauses.append(sentence)
    case .countsUpcalls(let isSo): countsUpcalls = isSo
    case .abi(let abi): self.abi = abi
    case .tool(let pid): tool = pid
    case .streams(let names): streams = names
    default: break
    }
  }
}
