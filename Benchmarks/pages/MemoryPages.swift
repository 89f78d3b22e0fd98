internal import TraceFile
internal import TraceFormat

/// Recorded pages in memory, so that measuring them does not measure the reading of files.
struct MemoryPages: ~Copyable, PageSource {
  let streams: [PageStream]
  private let pages: [[UnsafeMutableRawBufferPointer]]
  /// The times of each page.
  private let times: [[PageTimes]]
  private let overruns: [UInt64?]
  private var taken: [Int]

  /// All pages of a recording; they are kept for the life of the process.
  init(_ recorded: inout RecordedPages) {
    streams = recorded.streams
    pages = streams.indices.map { position in
      var content: [UInt8] = []
      var lengths: [Int] = []
      while let page = recorded.next(position) {
        content += page
        lengths.append(page.count)
      }
      // In one piece, as a reader's own buffer is.
      let kept = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 4096)
      kept.copyBytes(from: content)
      var start = 0
      return lengths.map { length in
        defer { start += length }
        return UnsafeMutableRawBufferPointer(rebasing: kept[start..<start + length])
      }
    }
    times = pages.map { $0.map { PageTimes(UnsafeRawBufferPointer($0)) } }
    overruns = streams.indices.map { recorded.overrun($0) }
    taken = Array(repeating: 0, count: streams.count)
  }

  /// The same pages once more, from the beginning.
  init(again other: borrowing MemoryPages) {
    streams = other.streams
    pages = other.pages
    times = other.times
    overruns = other.overruns
    taken = Array(repeating: 0, count: streams.count)
  }

  /// Goes back to the first page. All are moved on by `length`, ns, as if the same had been recorded once more.
  mutating func rewind(later length: UInt64) {
    for position in taken.indices {
      taken[position] = 0
      for (page, times) in zip(pages[position], times[position]) { times.move(page, by: length) }
    }
  }

  mutating func next(_ position: Int) -> UnsafeRawBufferPointer? {
    guard taken[position] < pages[position].count else { return nil }
    taken[position] += 1
    return UnsafeRawBufferPointer(pages[position][taken[position] - 1])
  }

  func overrun(_ position: Int) -> UInt64? { overruns[position] }
}
