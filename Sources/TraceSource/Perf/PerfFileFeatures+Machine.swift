internal import Glibc
internal import SystemCalls
internal import TraceFile
internal import TraceFormat

extension PerfFileFeatures {
  /// What a perf.data file that is written on this machine says of it. `events`: the tracepoints that are in it.
  static func ofThisMachine(_ tracefs: any TracefsAccess, events: [EventName]) -> PerfFileFeatures {
    var features = PerfFileFeatures()
    var system = utsname()
    uname(&system)
    features.hostname = text(system.nodename)
    features.release = text(system.release)
    features.architecture = text(system.machine)
    features.version = "kdelay-ftrace"
    features.onlineCPUs = UInt32(((try? OnlineCPUs.read()) ?? []).count)
    features.possibleCPUs = UInt32(OnlineCPUs.possibleCount)
    features.command = CommandLine.arguments
    features.buildIDs = KernelImage.buildIDs()
    var resolution = timespec()
    clock_getres(CLOCK_MONOTONIC, &resolution)
    features.clockResolution = UInt64(resolution.tv_sec) * 1_000_000_000 + UInt64(resolution.tv_nsec)
    var wall = timespec()
    let monotonic = MonotonicClock.now
    clock_gettime(CLOCK_REALTIME, &wall)
    features.clocks = (monotonic, UInt64(wall.tv_sec) * 1_000_000_000 + UInt64(wall.tv_nsec))
    features.tracingData = tracingData(tracefs, events)
    return features
  }

  /// Nil where tracefs does not say.
  private static func tracingData(_ tracefs: any TracefsAccess, _ events: [EventName]) -> TracingData? {
    guard let page = try? tracefs.read("events/header_page"), let event = try? tracefs.read("events/header_event")
    else { return nil }
    let bySystem = Dictionary(grouping: events, by: \.system).sorted { $0.key < $1.key }
    return TracingData(
      headerPage: page, headerEvent: event,
      formats: bySystem.map { system, events in
        (system, events.compactMap { try? tracefs.read("events/\($0.path)/format") })
      })
  }

  private static func text<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
