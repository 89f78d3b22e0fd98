internal import ArgumentParser
internal import Glibc
internal import Session
internal import SystemCalls
internal import TraceFile
internal import TraceFormat
internal import TraceModel
internal import TraceSource

/// What is to be recorded besides, or instead of, a report.
struct RecordingRequest {
  /// The directory of the recording.
  var directory: String
  /// Whether the capture is reported too: else its data are recorded without looking at them.
  var isReported: Bool
  var limits = RecordingLimits()
  /// The version of trace.dat.
  var version = TraceDatVersion.seven
}

extension Recorder {
  /// Begins a recording of what `capture` records.
  convenience init(
    _ request: RecordingRequest, _ tracefs: any TracefsAccess, _ capture: borrowing Capture
  ) throws {
    try self.init(
      request.directory, RecordingHead(tracefs, capture.setup.recordedEvents), capture.reader.source.streams,
      pageSize: capture.setup.pageSize, limits: request.limits,
      version: request.version)
  }

  /// Notes what a report of the recording has to know of it. `arguments`: as `CaptureOptions.recordedArguments` has them.
  func note(_ settings: SessionSettings, _ setup: borrowing CaptureSetup, arguments: [String]) {
    var notes: [JournalNote] = [.arguments(arguments)]
    for (trigger, stops) in [(settings.startTrigger, false), (settings.stopTrigger, true)] {
      if let trigger { notes.append(.trigger(text: trigger.text, isUserSpace: trigger.isUserSpace, stops: stops)) }
    }
    notes += setup.triggerEvents.map { .event($0.name, $0.kind) }
    if let cost = settings.recordingCost { notes.append(.recordingCost(cost)) }
    notes += settings.missingCauses.map { .missingCause($0) }
    notes += [.countsUpcalls(settings.countsUpcalls), .abi(settings.abi), .tool(getpid())]
    note(beginning: notes, settings.targets)
  }
}

extension RecordingHead {
  /// What the running kernel says of the records of `events`.
  init(_ tracefs: any TracefsAccess, _ events: [EventName]) throws(CaptureError) {
    var systems: [System] = []
    for event in events where event.system != "ftrace" {
      let text = try tracefs.read("events/\(event.path)/format")
      let known = systems.firstIndex { $0.name == event.system }
      if known == nil { systems.append(System(name: event.system, formats: [])) }
      let system = known ?? systems.count - 1
      if !systems[system].formats.contains(text) { systems[system].formats.append(text) }
    }
    let own = try tracefs.list("events/ftrace").sorted().compactMap { try? tracefs.read("events/ftrace/\($0)/format") }
    self.init(
      headerPage: try tracefs.read("events/header_page"), headerEvent: try tracefs.read("events/header_event"),
      ftraceFormats: own, systems: systems)
    kallsyms = KernelSymbols.functions(in: (try? SystemFiles.readBytes("/proc/kallsyms")) ?? [])
    printkFormats = Array(((try? tracefs.read("printk_formats")) ?? "").utf8)
    machine = Self.machineWords
    cpuCount = Int(sysconf(Int32(_SC_NPROCESSORS_CONF)))
    tool = "kdelay-ftrace \(KernelDelay.configuration.version)"
    identifier = UInt64.random(in: 1...UInt64.max)
  }
}

extension RecordingHead {
  /// What `uname` says: system, host, release, machine.
  private static var machineWords: String {
    var name = utsname()
    guard uname(&name) == 0 else { return "" }
    func text<Characters>(_ characters: Characters) -> String {
      withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    return [text(name.sysname), text(name.nodename), text(name.release), text(name.machine)].joined(separator: " ")
  }
}

extension SessionSettings {
  /// The settings of a session that follows a recording while it is made, from whose data it gets no event but losses. It decides
  /// when the recording ends: by the time and by triggers, as the report will. Conditions, and a time that begins with a program, only
  /// data tell: these recordings go on to the target's end, or until they are ended.
  var whileRecording: SessionSettings {
    var settings = self
    if looksBack || isCommand {
      settings.conditions = []
      settings.lookBack = nil
      settings.isCommand = false
      settings.length = nil
      settings.count = 1
    }
    if looksBack {
      settings.startTrigger = nil
      settings.stopTrigger = nil
    }
    settings.slowSyscalls = nil
    return settings
  }
}
