internal import TraceFile
internal import TraceFormat
internal import TraceModel
internal import TraceSource

extension RecordingTail {
  /// What the system says at the end of a recording. `maps`: what the target's processes had mapped when they were there.
  init(_ pages: borrowing LivePages, names: [Int32: String], maps: [Maps]) {
    var buffers: [String] = []
    var statistics: [[Int: String]] = []
    for (position, stream) in pages.streams.enumerated() {
      if !buffers.contains(stream.buffer) {
        buffers.append(stream.buffer)
        statistics.append([:])
      }
      statistics[statistics.count - 1][stream.cpu] = pages.statistics(position)
    }
    self.init(commands: names, statistics: statistics, maps: maps)
  }
}

extension RecordingTail.Maps {
  /// What the living of the processes have mapped.
  static func read(_ processes: [NamedProcess]) -> [RecordingTail.Maps] {
    processes.compactMap { process in
      let files = FileMapping.all(of: process.pid)
      if files.isEmpty { return nil }
      return RecordingTail.Maps(
        pid: process.pid, command: process.name,
        files: files.map { ($0.addresses.lowerBound, $0.addresses.upperBound, $0.path) })
    }
  }
}
