package import TraceFormat

/// The ring-buffer pages of a recording, whatever files they are in.
///
/// Invariant that makes the pointers sound: `files` holds `fileCount` initialised files and `readers` one reader a stream; this
/// value is their only owner.
package struct RecordedPages: ~Copyable, PageSource {
  package let streams: [PageStream]
  private let plan: PagePlan
  private let files: UnsafeMutablePointer<RecordedFile>
  private let fileCount: Int
  private let readers: UnsafeMutablePointer<PagePartReader>
  /// Why a file could not be read to its end.
  package private(set) var failure: TraceFileError?

  /// Opens the files. `decoder` decodes the pages of all streams.
  package init(_ plan: PagePlan, decoder: PageDecoder) throws(TraceFileError) {
    files = try Self.open(plan.paths)
    fileCount = plan.paths.count
    streams = plan.streams.map { PageStream(cpu: $0.cpu, role: $0.role, decoder: decoder) }
    readers = .allocate(capacity: plan.streams.count)
    for (position, stream) in plan.streams.enumerated() {
      (readers + position).initialize(to: PagePartReader(stream.part))
    }
    self.plan = plan
  }

  private static func open(_ paths: [String]) throws(TraceFileError) -> UnsafeMutablePointer<RecordedFile> {
    let files = UnsafeMutablePointer<RecordedFile>.allocate(capacity: paths.count)
    var opened = 0
    do throws(TraceFileError) {
      for path in paths {
        (files + opened).initialize(to: try RecordedFile(path: path))
        opened += 1
      }
      return files
    } catch {
      files.deinitialize(count: opened)
      files.deallocate()
      throw error
    }
  }

  deinit {
    files.deinitialize(count: fileCount)
    files.deallocate()
    readers.deinitialize(count: streams.count)
    readers.deallocate()
  }

  package mutating func next(_ position: Int) -> UnsafeRawBufferPointer? {
    guard failure == nil else { return nil }
    do throws(TraceFileError) {
      return try readers[position].next(files[plan.streams[position].part.file])
    } catch {
      failure = error
      return nil
    }
  }

  package func overrun(_ position: Int) -> UInt64? { plan.streams[position].overrun }

  /// The time of the earliest page, ns; 0 where there is none.
  func begin() throws(TraceFileError) -> UInt64 {
    var begin = UInt64.max
    for stream in plan.streams {
      var reader = PagePartReader(stream.part)
      guard let page = try reader.next(files[stream.part.file]), page.count >= 8 else { continue }
      begin = min(begin, page.loadUnaligned(as: UInt64.self))
    }
    return begin == .max ? 0 : begin
  }
}
