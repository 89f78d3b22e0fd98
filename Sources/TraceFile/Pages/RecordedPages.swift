package import TraceFormat

/// The ring-buffer pages of a recording, whatever files they are in.
///
/// Invariant that makes the pointers sound: `files` holds `fileCount` initialised files and `readers` `parts.count` readers, and
/// `translated` has room for the translation of any page; this value is their only owner.
package struct RecordedPages: ~Copyable, PageSource {
  package let streams: [PageStream]
  private let plan: PagePlan
  /// The parts of all streams, one stream's after the other's.
  private let parts: [PagePart]
  /// Each stream's parts that have not been read to their ends, by number.
  private var left: [Range<Int>]
  private let files: UnsafeMutablePointer<RecordedFile>
  private let fileCount: Int
  private let readers: UnsafeMutablePointer<PagePartReader>
  /// What turns the pages into those that the decoders read; nil where they are such.
  private let translator: PageTranslator?
  /// Where pages are translated to.
  private let translated: UnsafeMutableRawBufferPointer
  /// Why a file could not be read to its end.
  package private(set) var failure: TraceFileError?

  /// Opens the files. `decoder` says what decodes the pages of a stream, once `translator` has translated them.
  package init(
    _ plan: PagePlan, translator: PageTranslator? = nil, decoder: (PagePlan.Stream) -> PageDecoder
  ) throws(TraceFileError) {
    let largest = translator == nil ? 0 : plan.streams.lazy.flatMap(\.parts).map(\.pageSize).max() ?? 0
    guard largest <= PageTranslator.largestPage else {
      throw TraceFileError(
        .unsupported, plan.paths[0], "pages of \(largest) bytes of another kind of machine are not read",
        remedy: "record with smaller sub-buffers: `trace-cmd record --subbuf-size 256`")
    }
    files = try Self.open(plan.paths)
    fileCount = plan.paths.count
    streams = plan.streams.map { PageStream(cpu: $0.cpu, role: $0.role, buffer: $0.buffer, decoder: decoder($0)) }
    parts = plan.streams.flatMap(\.parts)
    var first = 0
    left = plan.streams.map { stream in
      defer { first += stream.parts.count }
      return first..<first + stream.parts.count
    }
    readers = .allocate(capacity: parts.count)
    for (number, part) in parts.enumerated() { (readers + number).initialize(to: PagePartReader(part)) }
    self.plan = plan
    self.translator = translator
    translated = .allocate(byteCount: PageTranslator.room(forPageOf: largest), alignment: 8)
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
    readers.deinitialize(count: parts.count)
    readers.deallocate()
    translated.deallocate()
  }

  package mutating func next(_ position: Int) -> UnsafeRawBufferPointer? {
    guard failure == nil else { return nil }
    do throws(TraceFileError) {
      while let part = left[position].first {
        if let page = try readers[part].next(files[parts[part].file]) {
          return translator?.translate(page, into: translated) ?? page
        }
        left[position].removeFirst()
      }
    } catch {
      failure = error
    }
    return nil
  }

  package func overrun(_ position: Int) -> UInt64? { plan.streams[position].overrun }

  /// The time of the earliest page, ns; 0 where there is none.
  func begin() throws(TraceFileError) -> UInt64 {
    var begin = UInt64.max
    for part in plan.streams.compactMap({ $0.parts.first { $0.size > 0 } }) {
      var reader = PagePartReader(part)
      guard let page = try reader.next(files[part.file]), page.count >= 8 else { continue }
      let time = page.loadUnaligned(as: UInt64.self)
      begin = min(begin, translator?.layout.byteOrder == .big ? time.byteSwapped : time)
    }
    return begin == .max ? 0 : begin
  }
}
