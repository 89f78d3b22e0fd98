internal import SystemCalls
internal import TraceFormat

/// Where the streams of a recording of this tool are: in its trace.dat, in files of their own, or both, where their recorder was
/// killed (see `RecordingNames`).
struct JournaledPlaces {
  private let path: String
  private let header: TraceDatHeader
  private let directory: String
  private let buffers: [TraceDatBuffer]

  /// The places of what `file`, which is in `directory`, tells of.
  init(_ file: borrowing TraceDatFile, in directory: String) throws(TraceFileError) {
    path = file.path
    header = file.header
    self.directory = directory
    buffers = file.buffers
    // One recorder's instances are alike. `trace-cmd convert` (3.1.6) says of packed instances what is true of the machine's pages.
    let sizes = Set(buffers.filter { $0.name != RecordingNames.journal }.map(\.pageSize))
    guard sizes.count <= 1 else {
      throw TraceFileError(
        .malformed, path,
        "says that its sub-buffers have \(sizes.sorted().map(String.init).joined(separator: " and ")) bytes",
        remedy: "where it was made with `trace-cmd convert`, read the recording that this was given")
    }
  }

  /// The streams of these names in that order; one that has no data is empty.
  func plan(_ streams: [RecordedStreamName]) -> PagePlan {
    var plan = PagePlan(paths: [path], streams: [])
    for name in streams {
      let buffer = buffers.first { $0.name == name.buffer }
      plan.streams.append(
        PagePlan.Stream(
          cpu: name.cpu, role: JournaledDecoders.role(name.buffer), buffer: name.buffer,
          parts: parts(name, buffer, &plan.paths),
          overrun: buffer?.statistics[name.cpu].map(RingStatistics.overrun)))
    }
    return plan
  }

  private func parts(_ name: RecordedStreamName, _ buffer: TraceDatBuffer?, _ paths: inout [String]) -> [PagePart] {
    guard let buffer, buffer.pageSize > 0 else { return [] }
    let data = buffer.data.first { $0.cpu == name.cpu }
    if buffer.isCompressed { return data.map { [buffer.part($0, header)] } ?? [] }
    var parts: [PagePart] = []
    var moved: UInt64 = 0
    let piece = "\(directory)/\(RecordingNames.piece(buffer: name.buffer, cpu: name.cpu))"
    if let size = try? RecordedFile(path: piece).size {
      moved = size - size % UInt64(buffer.pageSize)
      parts.append(PagePart(file: paths.count, offset: 0, size: moved, pageSize: buffer.pageSize))
      paths.append(piece)
    }
    if let data, data.size > moved {
      parts.append(
        PagePart(file: 0, offset: data.offset + moved, size: data.size - moved, pageSize: buffer.pageSize))
    }
    return parts
  }
}
