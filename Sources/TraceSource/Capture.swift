internal import Glibc
internal import SystemPackage
package import TraceModel

/// A running capture: instance, per-CPU pages, decoder and merger together.
///
/// The read policy, by measurement: per CPU, read pages until an event is younger than the drain needs, or nothing is left;
/// then leave the CPU alone for a while. Reading on would copy a few events at a time from the page that is being written,
/// which slows the traced program and loses events at full rate.
package struct Capture: ~Copyable {
  private var readers: RawPageReaders
  private var merger: EventMerger
  private let decoder: PageDecoder
  /// Bytes of a sub-buffer.
  package let pageSize: Int
  /// Names that events carry, by index.
  package var names = NameTable()
  package private(set) var loss = Loss()
  package private(set) var eventsRead: UInt64 = 0
  package private(set) var bytesRead: UInt64 = 0
  /// Tracepoints that this kernel lacks.
  package let missingEvents: [TracedEvent]
  package private(set) var instance: TracingInstance

  /// Pages of one CPU that are read before the others get their turn: bounds memory when the reader was held up.
  private static let pagesPerTurn = 64
  /// An event is time-stamped before it can be read; an interrupt, or the host of a virtual CPU, can hold up its writer in
  /// between for this long, ns. Events are taken for complete only up to this long ago.
  package static let settlingTime: UInt64 = 5_000_000

  /// Sets the capture up, recording nothing yet.
  package init(
    _ tracefs: any TracefsAccess, owner: InstanceOwner = .current, settings: CaptureSettings
  ) throws(CaptureError) {
    let formats = try Self.formats(tracefs)
    let missing = TracedEvent.allCases.filter { formats[$0] == nil }
    if let essential = missing.first(where: \.isEssential) {
      throw CaptureError(
        .refused, "this kernel has no event \(essential.name) (CONFIG_FTRACE_SYSCALLS)",
        remedy: "use a kernel with syscall tracing; `kdelay-ftrace doctor` shows what this one has")
    }
    let decoder = try Self.decoder(tracefs, formats)
    let instance = try TracingInstance.create(tracefs, owner: owner, settings: settings)
    let pageSize = Self.pageSize(instance)
    let cpus = try instance.cpus()
    let readers = try RawPageReaders(instance, cpus: cpus, pageSize: pageSize)
    missingEvents = missing
    self.decoder = decoder
    self.pageSize = pageSize
    self.readers = readers
    self.instance = instance
    merger = EventMerger(cpuCount: cpus.count)
  }

  private static func decoder(
    _ tracefs: any TracefsAccess, _ formats: [TracedEvent: EventFormat]
  ) throws(CaptureError) -> PageDecoder {
    let header = try tracefs.read("events/header_page")
    do {
      return PageDecoder(layout: try PageLayout(headerPage: header), table: try EventTable(formats))
    } catch {
      throw CaptureError(.refused, "\(error)", remedy: "please report this with the kernel's version")
    }
  }

  private static func formats(_ tracefs: any TracefsAccess) throws(CaptureError) -> [TracedEvent: EventFormat] {
    var formats: [TracedEvent: EventFormat] = [:]
    for event in TracedEvent.allCases {
      let path = "events/\(event.name.system)/\(event.name.name)/format"
      guard tracefs.exists(path) else { continue }
      do {
        formats[event] = try EventFormat.parse(try tracefs.read(path))
      } catch let error as CaptureError {
        throw error
      } catch {
        throw CaptureError(
          .refused, "cannot understand \(tracefs.root)/\(path)", remedy: "please report this with the kernel's version")
      }
    }
    return formats
  }

  /// Sub-buffers are one page of memory where the kernel does not let them be chosen.
  private static func pageSize(_ instance: borrowing TracingInstance) -> Int {
    guard let text = try? instance.read("buffer_subbuf_size_kb"),
      let kibibytes = Int(text.filter(\.isNumber)), kibibytes > 0
    else { return Int(sysconf(Int32(_SC_PAGESIZE))) }
    return kibibytes * 1024
  }

  /// Adds tasks to the filter.
  package func watch(tids: [Int32]) throws(CaptureError) { try instance.watch(tids: tids) }

  /// Enables the events and starts to record.
  package func start() throws(CaptureError) {
    for event in TracedEvent.allCases where !missingEvents.contains(event) {
      try instance.enable(event.name)
    }
    try instance.set("tracing_on", "1")
  }

  /// Stops recording; what was recorded can still be drained.
  package func stop() throws(CaptureError) { try instance.set("tracing_on", "0") }

  /// Reads what the CPUs have recorded. All events before the returned time (ns) are here now; `wasBusy` says that there
  /// was more than one turn takes.
  package mutating func drain() -> (complete: UInt64, wasBusy: Bool) {
    let now = MonotonicClock.now
    let settled = now > Self.settlingTime ? now - Self.settlingTime : 0
    var complete = settled
    var wasBusy = false
    for position in readers.cpus.indices where !drain(cpuAt: position, upTo: settled) {
      wasBusy = true
      complete = min(complete, merger.lastTimestamp(at: position))
    }
    return (complete, wasBusy)
  }

  /// Reads one CPU's pages up to the first event at or after `time`, or all there are; false where a turn was not enough.
  private mutating func drain(cpuAt position: Int, upTo time: UInt64) -> Bool {
    let cpu = readers.cpus[position]
    for _ in 0..<Self.pagesPerTurn {
      guard let page = readers.next(at: position) else { return true }
      let lastKnown = max(merger.lastTimestamp(at: position), merger.watermark)
      let (summary, gap) = merger.append(to: position) { events in
        let gap = events.count
        let summary = decoder.decode(
          page, cpu: UInt16(truncatingIfNeeded: cpu), lastKnown: lastKnown, into: &events, names: &names)
        return (summary, gap)
      }
      note(summary)
      if let missed = summary.missed {
        let lost = noteLoss(missed, cpu: cpu)
        merger.append(to: position) { $0[gap].value = Int64(lost) }
      }
      if merger.lastTimestamp(at: position) >= time { return true }
    }
    return false
  }

  private mutating func note(_ summary: PageSummary) {
    eventsRead += UInt64(summary.events)
    bytesRead += UInt64(summary.length)
    loss.undecodable += UInt64(summary.undecodable) + (summary.status == .complete ? 0 : 1)
  }

  /// How many events a gap has cost. A page says that events are missing before it, but has not always room for how many
  /// (-1): then it is what the kernel has counted in all, less the gaps before. That can take in some that a later page
  /// tells of; they are not counted again there.
  private mutating func noteLoss(_ missed: Int64, cpu: Int) -> UInt64 {
    let before = loss.eventsByCPU[cpu] ?? 0
    let counted = max(overrun(cpu: cpu), before) - before
    let lost = missed < 0 ? counted : min(UInt64(missed), counted)
    loss.eventsByCPU[cpu] = before + lost
    return lost
  }

  /// Events that a CPU has lost so far, by the kernel's count.
  private func overrun(cpu: Int) -> UInt64 {
    let text = (try? instance.read("per_cpu/cpu\(cpu)/stats")) ?? ""
    let counters = ["overrun: ", "commit overrun: ", "dropped events: "]
    return text.split(separator: "\n").reduce(0) { sum, line in
      guard let counter = counters.first(where: { line.hasPrefix($0) }) else { return sum }
      return sum + (UInt64(line.dropFirst(counter.count)) ?? 0)
    }
  }

  /// Passes on, in order, the events before `limit` (ns).
  package mutating func release(before limit: UInt64, _ consume: (UnsafeBufferPointer<Event>) -> Void) {
    merger.release(before: limit, consume)
    loss.late = merger.late
  }

  /// Bytes of buffer per CPU that can hold events before the oldest are overwritten.
  package var bufferBytes: Int {
    (try? instance.read("buffer_size_kb")).flatMap { Int($0.prefix(while: \.isNumber)) }.map { $0 * 1024 } ?? 0
  }

  /// Closes the pipes and removes the instance.
  package consuming func close() throws(CaptureError) {
    _ = consume readers
    try instance.close()
  }
}
