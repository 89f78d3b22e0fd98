internal import SystemCalls
package import TraceFormat

/// Which stretches of which files hold the pages of a recording, and what is known of its streams besides.
package struct PagePlan: Sendable {
  /// One stream.
  package struct Stream: Sendable {
    package var cpu: Int
    package var role = PageStream.Role.data
    /// The name of the instance's buffer; empty for the top one, and where there is only one.
    package var buffer = ""
    /// Where its pages are, the first ones first.
    package var parts: [PagePart]
    /// The number of events that it has lost, by the kernel's count; nil where nothing tells.
    package var overrun: UInt64?
  }

  /// The files, to which the streams' parts refer by number.
  package var paths: [String]
  /// The streams; those of data come first.
  package var streams: [Stream]

  /// The sub-buffers, of `pageSize` bytes each, of a directory: for each CPU a file `cpuN.raw` with one after the other, in the
  /// order in which they were read, and, where it was kept, `cpuN.stats`, the kernel's own count of what it lost.
  static func rawPages(in directory: String, pageSize: Int) throws(TraceFileError) -> PagePlan {
    let cpus = try cpus(in: directory)
    guard pageSize > 16, pageSize <= 1 << 24 else {
      throw TraceFileError(.malformed, directory, "pages of \(pageSize) bytes cannot be")
    }
    var plan = PagePlan(paths: cpus.map { "\(directory)/cpu\($0).raw" }, streams: [])
    for (number, cpu) in cpus.enumerated() {
      let size = try wholePages(plan.paths[number], pageSize)
      let statistics = try? RecordedFile(path: "\(directory)/cpu\(cpu).stats").text()
      plan.streams.append(
        Stream(
          cpu: cpu, parts: [PagePart(file: number, offset: 0, size: size, pageSize: pageSize)],
          overrun: statistics.map(RingStatistics.overrun)))
    }
    return plan
  }

  /// The size of a file of pages, bytes. What is cut elsewhere than between pages has pages of another size, or lost its end.
  private static func wholePages(_ path: String, _ pageSize: Int) throws(TraceFileError) -> UInt64 {
    let size = try RecordedFile(path: path).size
    let rest = size % UInt64(pageSize)
    guard rest > 0 else { return size }
    throw TraceFileError(
      .malformed, path, "its \(size) bytes are no whole number of pages of \(pageSize)",
      remedy: "if the recording was cut, run `truncate -s \(size - rest)` on it; "
        + "if its pages are larger, put their header_page beside it")
  }

  /// Whether there are raw pages in a directory.
  static func hasRawPages(_ directory: String) -> Bool { (try? cpus(in: directory)) != nil }

  private static func cpus(in directory: String) throws(TraceFileError) -> [Int] {
    let names = try names(in: directory)
    let cpus = names.filter { $0.hasPrefix("cpu") && $0.hasSuffix(".raw") }
      .compactMap { Int($0.dropFirst(3).dropLast(4)) }.filter { (0..<1 << 16).contains($0) }.sorted()
    guard !cpus.isEmpty else {
      throw TraceFileError(
        .malformed, directory, "has no pages in files cpuN.raw", remedy: "name the directory that these files are in")
    }
    return cpus
  }

  /// The names in a directory; fails where there is no such directory, or it may not be read.
  @discardableResult
  static func names(in directory: String) throws(TraceFileError) -> [String] {
    do { return try SystemFiles.list(directory) } catch {
      throw TraceFileError(
        .unreadable, directory, "\(error)", remedy: "name a directory of raw pages that is there and that you may read")
    }
  }
}
