internal import SystemCalls
internal import TraceFile
internal import TraceFormat
internal import TraceModel

/// The perf.data file that a sampling's records go to, and what the kernel's records leave out: what processes had mapped, and
/// what threads were called, before they were sampled.
struct PerfRecording: ~Copyable {
  private var writer: PerfFileWriter
  private let sources: [StackSampleSource]
  private let buildID: (CodeMapping, Int32) -> [UInt8]
  /// The samples that were told of as lost, by source.
  private var toldLost = StackSampleLoss()
  private var hasRecords = false

  /// Creates the file. `buildID`: the build-id of what a process has mapped; empty where it has none.
  init(
    _ path: String, _ opener: PerfEventOpener, _ sources: [StackSampleSource],
    buildID: @escaping (CodeMapping, Int32) -> [UInt8]
  ) throws(TraceFileError) {
    writer = try PerfFileWriter(path, opener.descriptions)
    self.sources = sources
    self.buildID = buildID
    for part in KernelImage.read().parts {
      writer.append(
        PerfRecordWriting.kernelMapping(part.path, start: part.start, length: part.length, reference: part.reference))
    }
  }

  /// The size of the file, bytes, and why nothing is written to it any more.
  func state() -> (size: UInt64, failure: TraceFileError?) { (writer.size, writer.failure) }

  /// Takes in a record as it lies in the ring.
  @inline(__always)
  mutating func take(_ record: UnsafeRawBufferPointer, of source: StackSampleSource, at time: UInt64) {
    // There are two sources.
    writer.append(record, of: source == sources[0] ? 0 : 1, at: time)
    hasRecords = true
  }

  /// Takes note of a change that a record which was taken in tells of.
  mutating func note(_ change: ProcessChange) {
    guard case .mapped(let mapping) = change.kind, mapping.path.hasPrefix("/") else { return }
    // Before Linux 5.12 the kernel does not tell.
    let known = mapping.buildID.isEmpty ? buildID(mapping, change.pid) : mapping.buildID
    if !known.isEmpty { writer.note(PerfFileBuildID(pid: change.pid, path: mapping.path, buildID: known)) }
  }

  /// Describes threads that are sampled from `time` on, ns. `withMappings`: what their process has mapped as well; `byExec`: it
  /// was another program before.
  mutating func describe(_ tids: [Int32], of pid: Int32, at time: UInt64, withMappings: Bool, byExec: Bool = false) {
    // By the first thread a process gets its name.
    for tid in tids.sorted(by: { ($0 != pid ? 1 : 0, $0) < ($1 != pid ? 1 : 0, $1) }) {
      guard let name = ProcessStatus.read(pid: pid, tid: tid)?.name else { continue }
      writer.append(PerfRecordWriting.name(name, tid: tid, of: pid, at: time, byExec: byExec && tid == pid))
    }
    guard withMappings else { return }
    for (mapping, isCode) in CodeMapping.allOfFiles(of: pid) {
      var mapping = mapping
      mapping.buildID = buildID(mapping, pid)
      if !mapping.buildID.isEmpty {
        writer.note(PerfFileBuildID(pid: pid, path: mapping.path, buildID: mapping.buildID))
      }
      writer.append(PerfRecordWriting.mapping(mapping, of: pid, at: time, isCode: isCode))
    }
  }

  /// Takes note of how many samples were lost in all, as is known at `time`, ns.
  mutating func note(lost loss: StackSampleLoss, at time: UInt64) {
    for (number, source) in sources.enumerated() where loss[source] > toldLost[source] {
      writer.append(
        PerfRecordWriting.lost(
          loss[source] - toldLost[source], of: PerfFileWriter.identifier(of: number), at: time))
      toldLost[source] = loss[source]
    }
  }

  /// All records up to now have been taken in: they are handed to the kernel.
  mutating func endRound() {
    if hasRecords { writer.append(PerfRecordWriting.roundEnd) }
    hasRecords = false
    writer.flush()
  }

  mutating func synchronize() { writer.synchronize() }

  /// Writes what stands behind the records, and closes the file.
  consuming func finish(_ tracefs: any TracefsAccess) throws(TraceFileError) {
    let events = sources.compactMap(PerfEventOpener.tracepoint)
    try writer.finish(.ofThisMachine(tracefs, events: events))
  }
}
