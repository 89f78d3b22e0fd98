package import TraceFormat

extension TraceDatFile {
  /// Where the pages of some of the buffers are, each with the role that it has. The streams of data have to come first.
  package func plan(_ wanted: [(buffer: TraceDatBuffer, role: PageStream.Role)]) throws(TraceFileError) -> PagePlan {
    var plan = PagePlan(paths: [file.path], streams: [])
    for (buffer, role) in wanted {
      guard (32...1 << 20).contains(buffer.pageSize) else {
        throw TraceFileError(.malformed, file.path, "pages of \(buffer.pageSize) bytes cannot be")
      }
      for data in buffer.data {
        guard (0..<1 << 16).contains(data.cpu) else {
          throw TraceFileError(.malformed, file.path, "it cannot be that there is a CPU \(data.cpu)")
        }
        plan.streams.append(
          PagePlan.Stream(
            cpu: data.cpu, role: role, buffer: buffer.name, parts: [buffer.part(data, header)],
            overrun: buffer.statistics[data.cpu].map(RingStatistics.overrun)))
      }
    }
    return plan
  }
}

extension TraceDatBuffer {
  /// Where the sub-buffers of one CPU are, in a plan whose first file is the one with this header.
  func part(_ data: Data, _ header: TraceDatHeader) -> PagePart {
    // The size of packed data leaves out the 4 bytes in front, which say how many chunks there are (trace-cmd 3.1.6).
    let size = isCompressed ? data.size.addingReportingOverflow(4).partialValue : data.size
    return PagePart(
      file: 0, offset: data.offset, size: size, pageSize: pageSize, chunks: isCompressed ? header.compression : nil,
      byteOrder: header.byteOrder)
  }
}
