package import TraceFormat

/// The ring-buffer pages of a recording, whatever files they are in.
///
/// Invariant that makes the pointers sound: `files` holds `fileCount` initialised files and `readers` `parts.count` readers, and
/// `translated` has room for the translation of any page and `gap` for a page's header; this value is their only owner.
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
  /// The header of a page that says that the end of a stream is missing.
  private let gap = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 8)
  /// When the last event of all streams was, ns; nil before it was looked for.
  private var end: UInt64?
  /// The streams so far whose end is missing: their files were cut, or cannot be unpacked any further.
  package private(set) var cutStreams: Set<Int> = []
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
    gap.deallocate()
  }

  package mutating func next(_ position: Int) -> UnsafeRawBufferPointer? {
    guard failure == nil else { return nil }
    do throws(TraceFileError) {
      while let part = left[position].first {
        if let page = try readers[part].next(files[parts[part].file]) {
          return translator?.translate(page, into: translated) ?? page
        }
        left[position].removeFirst()
        if readers[part].isCut { return try cut(position) }
      }
    } catch {
      failure = error
    }
    return nil
  }

  /// Nothing more of a stream is there. Up to the end of the recording, its events are missing.
  private mutating func cut(_ position: Int) throws(TraceFileError) -> UnsafeRawBufferPointer {
    left[position] = left[position].upperBound..<left[position].upperBound
    cutStreams.insert(position)
    let time = if let end { end } else { try lastTimestamp() }
    end = time
    PageDecoder.writeGap(upTo: time, into: gap)
    return UnsafeRawBufferPointer(gap)
  }

  /// The time of the last event of all streams, ns; 0 where there is none.
  private func lastTimestamp() throws(TraceFileError) -> UInt64 {
    var last: UInt64 = 0
    for (position, stream) in plan.streams.enumerated() {
      for part in stream.parts where part.size > 0 {
        var reader = PagePartReader(part)
        reader.skipToLast(files[part.file])
        while let page = try reader.next(files[part.file]) {
          let page = translator?.translate(page, into: translated) ?? page
          last = max(last, streams[position].decoder.lastTime(of: page))
        }
      }
    }
    return last
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
