internal import SystemCalls
package import TraceFormat

/// The ring-buffer pages in a directory: for each CPU a file `cpuN.raw` of whole sub-buffers, one after the other, in the order
/// in which they were read, and, where it was kept, `cpuN.stats`, the kernel's own count of what it lost.
///
/// Invariant that makes the pointer sound: `files` holds `streams.count` initialised files, and this value is its only owner.
package struct RecordedPages: ~Copyable, PageSource {
  package let streams: [PageStream]
  private let files: UnsafeMutablePointer<RecordedFile>
  /// How far each file was read, bytes.
  private var offsets: [UInt64]
  private let overruns: [UInt64?]
  private let page: UnsafeMutableRawBufferPointer
  /// Why a file could not be read to its end.
  package private(set) var failure: TraceFileError?

  /// Opens the files. `pageSize`: bytes of a sub-buffer, header included.
  init(directory: String, pageSize: Int, decoder: PageDecoder) throws(TraceFileError) {
    let cpus = try Self.cpus(in: directory)
    guard pageSize > 16, pageSize <= 1 << 24 else {
      throw TraceFileError(.malformed, directory, "pages of \(pageSize) bytes cannot be")
    }
    files = try Self.open(cpus, directory, pageSize)
    streams = cpus.map { PageStream(cpu: $0, decoder: decoder) }
    offsets = Array(repeating: 0, count: cpus.count)
    overruns = cpus.map { cpu in
      guard let file = try? RecordedFile(path: "\(directory)/cpu\(cpu).stats") else { return nil }
      return (try? file.text()).map(RingStatistics.overrun)
    }
    page = .allocate(byteCount: pageSize, alignment: 4096)
  }

  private static func open(_ cpus: [Int], _ directory: String, _ pageSize: Int) throws(TraceFileError)
    -> UnsafeMutablePointer<RecordedFile>
  {
    let files = UnsafeMutablePointer<RecordedFile>.allocate(capacity: cpus.count)
    var opened = 0
    do throws(TraceFileError) {
      for cpu in cpus {
        let file = try RecordedFile(path: "\(directory)/cpu\(cpu).raw")
        try requireWholePages(file, pageSize)
        (files + opened).initialize(to: file)
        opened += 1
      }
      return files
    } catch {
      files.deinitialize(count: opened)
      files.deallocate()
      throw error
    }
  }

  /// What is cut elsewhere than between pages has pages of another size, or lost its end.
  private static func requireWholePages(_ file: borrowing RecordedFile, _ pageSize: Int) throws(TraceFileError) {
    let rest = file.size % UInt64(pageSize)
    guard rest > 0 else { return }
    throw TraceFileError(
      .malformed, file.path, "its \(file.size) bytes are no whole number of pages of \(pageSize)",
      remedy: "if the recording was cut, run `truncate -s \(file.size - rest)` on it; "
        + "if its pages are larger, put their header_page beside it")
  }

  deinit {
    files.deinitialize(count: streams.count)
    files.deallocate()
    page.deallocate()
  }

  /// Fails where there is no such directory, or it may not be read.
  static func requireDirectory(_ directory: String) throws(TraceFileError) { _ = try names(in: directory) }

  private static func names(in directory: String) throws(TraceFileError) -> [String] {
    do { return try SystemFiles.list(directory) } catch {
      throw TraceFileError(
        .unreadable, directory, "\(error)", remedy: "name a directory of raw pages that is there and that you may read")
    }
  }

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

  package mutating func next(_ position: Int) -> UnsafeRawBufferPointer? {
    guard failure == nil else { return nil }
    do throws(TraceFileError) {
      let count = try files[position].read(at: offsets[position], into: page)
      guard count > 0 else { return nil }
      offsets[position] += UInt64(count)
      return UnsafeRawBufferPointer(rebasing: page[..<count])
    } catch {
      failure = error
      return nil
    }
  }

  package func overrun(_ position: Int) -> UInt64? { overruns[position] }

  /// The time of the earliest page, ns; 0 where there is none.
  func begin() throws(TraceFileError) -> UInt64 {
    var begin = UInt64.max
    for position in streams.indices {
      let head = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
      defer { head.deallocate() }
      guard try files[position].read(at: 0, into: head) == 8 else { continue }
      begin = min(begin, head.load(as: UInt64.self))
    }
    return begin == .max ? 0 : begin
  }
}
