package import TraceFile
package import TraceModel

extension PerfEventSource {
  /// Writes all records to a perf.data file at `path` too, from those on that are drained next. The sampling has to be of the
  /// kind that `isRecorded`. Can be called again for another file, once the first is finished. `buildID`: the build-id of what a
  /// process has mapped; empty where it has none.
  package mutating func record(
    to path: String, buildID: @escaping (CodeMapping, Int32) -> [UInt8]
  ) throws(TraceFileError) {
    precondition(sampling.isRecorded, "samples have what a file needs of them")
    recording = try PerfRecording(path, opener, sampling.sources, buildID: buildID)
    let start = watermark
    for pid in processes.pids {
      let covered = processes[pid]?.covered ?? []
      recording?.describe(Array(covered), of: pid, at: start, withMappings: true)
    }
    recording?.endRound()
  }

  /// Finishes the file: without this it ends where its writer was killed. Nothing is done where there is none.
  package mutating func finishRecording() throws(TraceFileError) {
    let (lost, end) = (eventLoss(), max(watermark, 1) - 1)
    recording?.note(lost: lost, at: end)
    try recording.take()?.finish(tracefs)
  }

  /// Has the disk hold what was drained so far.
  package mutating func synchronizeRecording() { recording?.synchronize() }

  /// The size of the file, bytes, and why nothing is written to it any more; nil where there is none.
  package func recordingState() -> (size: UInt64, failure: TraceFileError?)? {
    recording?.state()
  }
}
