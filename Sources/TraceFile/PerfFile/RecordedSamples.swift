internal import Glibc
internal import TraceFormat
package import TraceModel

/// The stack samples of a perf.data file that was recorded beside raw pages, in the order of time.
package struct RecordedSamples: ~Copyable {
  private var file: PerfFile
  /// The places of its records by time; those of the same time as they lie in the file.
  private let order: [UInt32]
  private var next = 0
  /// What took the samples of each event; nil of one that is no help.
  private let sources: [StackSampleSource?]
  /// What the rings told of as lost, and how often the clock was stopped, so far.
  private var counted = StackSampleLoss()
  /// What the events themselves have counted as lost so far: the same, and what the rings had no room to tell of.
  private var countedByEvents = StackSampleLoss()
  /// The build-ids that the file has of paths, where the mappings' records have none; without those of which there are several.
  private let buildIDs: [String: [UInt8]]
  /// The build-id of the recorded kernel; empty where the file does not tell.
  package let kernelBuildID: [UInt8]

  /// Bytes of user stack that a sample holds at most; 0 where the kernel has followed frame pointers instead.
  package let stackBytes: Int

  // include/uapi/linux/perf_event.h: PERF_TYPE_… and PERF_COUNT_SW_….
  private static let (software, tracepoint): (UInt32, UInt32) = (1, 2)
  private static let (cpuClock, taskClock): (UInt64, UInt64) = (0, 1)

  /// Opens the file. `switchID` and `exitID`: the kernel's numbers of `sched_switch` and `sys_exit`; nil where it has none.
  /// `isAlone`: the events are in it too, and so of the same clock.
  init(_ path: String, switchID: Int?, exitID: Int?, isAlone: Bool = false) throws(TraceFileError) {
    let file = try PerfFile.open(path)
    let sources: [StackSampleSource?] = file.events.map { event in
      switch (event.type, event.configuration) {
      case (Self.software, Self.cpuClock), (Self.software, Self.taskClock): .clock
      case (Self.tracepoint, let id) where switchID.map { UInt64($0) == id } ?? false: .switchOut
      case (Self.tracepoint, let id) where exitID.map { UInt64($0) == id } ?? false: .syscallExit
      default: nil
      }
    }
    guard isAlone || file.events.allSatisfy({ $0.clock == CLOCK_MONOTONIC }) else {
      throw TraceFileError(
        .unsupported, path, "has times of another clock than the pages",
        remedy: "record it with `perf record -k mono`, or move it away")
    }
    guard isAlone || sources.contains(where: { $0 != nil }) else {
      throw TraceFileError(
        .unsupported, path, "has no samples of sched:sched_switch, raw_syscalls:sys_exit or task-clock",
        remedy: "record one of these events, or move the file away")
    }
    stackBytes = Int(file.events.map(\.stackBytes).max() ?? 0)
    let places = file.places
    order = places.indices.map { UInt32($0) }.sorted {
      (places[Int($0)].timestamp, $0) < (places[Int($1)].timestamp, $1)
    }
    self.sources = sources
    kernelBuildID = file.buildIDs.first { $0.pid == -1 && $0.path.hasPrefix("[kernel") }?.buildID ?? []
    buildIDs = Dictionary(file.buildIDs.map { ($0.path, $0.buildID) }) { $0 == $1 ? $0 : [] }
    self.file = file
  }

  /// Passes on what happened before `limit`, ns: samples to `store`, changes to `changes`.
  package mutating func drain(
    before limit: UInt64, into store: inout StackSampleStore, changes: inout [ProcessChange]
  ) throws(TraceFileError) {
    while next < order.count {
      let place = file.places[Int(order[next])]
      guard place.timestamp < limit else { return }
      next += 1
      guard let (record, bytes) = try file.read(place) else { continue }
      switch record {
      case .sample(let sample): keep(sample, sources[Int(place.event)], bytes, &store)
      case .lost(let count, _): if let source = sources[Int(place.event)] { counted[source] &+= count }
      case .lostSamples(let count, _): if let source = sources[Int(place.event)] { countedByEvents[source] &+= count }
      case .throttle: counted.throttled += 1
      default: if let change = ProcessChange(record, bytes) { changes.append(identified(change)) }
      }
    }
  }

  private func identified(_ change: ProcessChange) -> ProcessChange {
    guard case .mapped(var mapping) = change.kind, mapping.buildID.isEmpty, let buildID = buildIDs[mapping.path] else {
      return change
    }
    mapping.buildID = buildID
    var change = change
    change.kind = .mapped(mapping)
    return change
  }

  private func keep(
    _ sample: PerfSample, _ source: StackSampleSource?, _ record: UnsafeRawBufferPointer,
    _ store: inout StackSampleStore
  ) {
    guard let source, sample.registers.known != 0 else { return }
    func bytes(_ span: ByteSpan) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: record[span.offset..<span.offset + span.length])
    }
    store.append(
      StackSample(
        timestamp: sample.stamp.timestamp, pid: sample.stamp.pid, tid: sample.stamp.tid,
        cpu: UInt16(truncatingIfNeeded: sample.stamp.cpu), source: source, registers: sample.registers,
        dumpSize: sample.dumpSize),
      callchain: bytes(sample.kernelCallchain), stack: bytes(stackBytes > 0 ? sample.userStack : sample.userCallchain))
  }

  /// What was lost so far.
  package var loss: StackSampleLoss {
    var loss = counted
    if countedByEvents.samples >= counted.samples {
      for source in StackSampleSource.allCases { loss[source] = countedByEvents[source] }
    }
    loss.malformed = file.malformed
    return loss
  }
}
