internal import TraceFormat
internal import TraceModel

/// How the records of each buffer of a recording of this tool are read: an event can mean another thing in another buffer.
struct JournaledDecoders {
  /// The names of buffers (`InstanceOwner.Purpose`).
  private static let machine = "machine"
  private static let stop = "stop"
  private static let calls = "calls"

  private let data: PageDecoder
  private let machine: PageDecoder
  private let triggers: PageDecoder
  private let stop: PageDecoder
  private let calls: PageDecoder

  /// The decoders that `start` asks for. `path`: the recording's.
  init(
    _ start: JournalStart, _ formats: [EventName: EventFormat], _ layout: PageLayout, _ path: String
  ) throws(TraceFileError) {
    func decoder(_ readings: [(EventName, RecordReading)]) throws(TraceFileError) -> PageDecoder {
      var table = EventTable()
      for (name, reading) in readings {
        guard let format = formats[name] else { continue }
        do { try table.add(format, reading) } catch {
          throw TraceFileError(.malformed, path, "\(error)")
        }
      }
      return PageDecoder(layout: layout, table: table)
    }
    func readings(_ kinds: Set<EventKind>) -> [(EventName, RecordReading)] {
      start.events.filter { kinds.contains($0.kind) }.map { event in
        switch event.kind {
        case .upcall: (event.name, .upcall)
        case .returnAddress: (event.name, .returnAddress)
        default: (event.name, RecordReading(event.kind))
        }
      }
    }
    // A stop trigger has a buffer of its own where it is the start trigger's event.
    let isApart = start.streams.contains { $0.buffer == Self.stop }
    data = try decoder(
      TracedEvent.allCases.map { ($0.name, $0.reading) } + CauseEvent.allCases.map { ($0.name, $0.reading) }
        + [(CauseEvent.kernelStack, .kernelStack)])
    machine = try decoder(MachineEvent.allCases.map { ($0.event.name, $0.reading) })
    triggers = try decoder(
      readings(isApart ? [.startTrigger, .upcall] : [.startTrigger, .stopTrigger, .startStopTrigger, .upcall]))
    stop = try decoder(readings([.stopTrigger]))
    calls = try decoder(readings([.returnAddress]))
  }

  /// What reads the buffer of this name.
  subscript(buffer: String) -> PageDecoder {
    switch buffer {
    case "": data
    case Self.machine: machine
    case Self.stop: stop
    case Self.calls: calls
    default: triggers
    }
  }

  /// What is recorded in the buffer of this name.
  static func role(_ buffer: String) -> PageStream.Role {
    switch buffer {
    case "", machine: .data
    case stop: .stopTrigger
    case calls: .calls
    default: .triggers
    }
  }
}
