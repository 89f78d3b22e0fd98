internal import TraceFile
internal import TraceFormat

/// Recorded pages in memory, so that measuring them does not measure the reading of files.
struct MemoryPages: ~Copyable, PageSource {
  let streams: [PageStream]
  private let pages: [[UnsafeMutableRawBufferPointer]]
  private let overruns: [UInt64?]
  private var taken: [Int]

  /// All pages of a recording; they are kept for the life of the process.
  init(_ recorded: inout RecordedPages) {
    streams = recorded.streams
    var pages: [[UnsafeMutableRawBufferPointer]] = []
    for position in streams.indices {
      pages.append([])
      while let page = recorded.next(position) {
        let kept = UnsafeMutableRawBufferPointer.allocate(byteCount: page.count, alignment: 4096)
        kept.copyMemory(from: page)
        pages[position].append(kept)
      }
    }
    self.pages = pages
    overruns = streams.indices.map { recorded.overrun($0) }
    taken = Array(repeating: 0, count: streams.count)
  }

  /// The same pages once more, from the beginning.
  init(again other: borrowing MemoryPages) {
    streams = other.streams
    pages = other.pages
    overruns = other.overruns
    taken = Array(repeating: 0, count: streams.count)
  }

  /// Goes back to the first page. All are moved on by `length`, ns, as if the same had been recorded once more.
  mutating func rewind(later length: UInt64) {
    for position in taken.indices { taken[position] = 0 }
    for page in pages.joined() where page.count >= 8 {
      page.storeBytes(of: page.load(as: UInt64.self) &+ length, as: UInt64.self)
    }
  }

  mutating func next(_ position: Int) -> UnsafeRawBufferPointer? {
    guard taken[position] < pages[position].count else { return nil }
    taken[position] += 1
    return UnsafeRawBufferPointer(pages[position][taken[position] - 1])
  }

  func overrun(_ position: Int) -> UInt64? { overruns[position] }
}
