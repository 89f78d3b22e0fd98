internal import SystemCalls
package import TraceFormat

/// Whoever keeps the pages that a capture reads, for a recording.
package protocol PageKeeper: AnyObject {
  /// A page of the stream at `position` was read. Its bytes are valid during the call.
  func keep(_ page: UnsafeRawBufferPointer, of position: Int)

  /// Memory for pages that are read in a row, and that nobody looks at: the same until `keep(unread:of:)` tells that it was filled. Nil
  /// where nothing can be kept any more.
  var room: UnsafeMutableRawBufferPointer? { get }

  /// Pages of the stream at `position` are in the first `count` bytes of `room`.
  func keep(unread count: Int, of position: Int)

  /// The kernel was asked how many events the stream at `position` has lost so far.
  func keep(overrun: UInt64, of position: Int)
}

/// The ring buffers of a capture's instances, which the kernel fills while they are read.
package struct LivePages: ~Copyable, PageSource {
  private var readers: RawPageReaders
  package private(set) var streams: [PageStream] = []
  /// The kernel's account of each instance, by stream.
  private var counters: [RingCounters] = []
  /// What keeps each page that is read; nil where nothing does.
  package var keeper: (any PageKeeper)?
  /// Whether pages of data are kept and handed on without their records: what they say of losses remains.
  package var leavesDataUnread = false
  private var heads = PageHeads()
  private let pageSize: Int

  /// Pages without a ring buffer yet. `pageSize`: the number of bytes of the largest sub-buffer, header included.
  init(pageSize: Int) {
    readers = RawPageReaders(pageSize: pageSize)
    self.pageSize = pageSize
  }

  /// Opens the ring buffers of an instance; their streams come next in position.
  mutating func add(
    _ instance: borrowing TracingInstance, cpus: [Int], role: PageStream.Role = .data, decoder: PageDecoder
  ) throws(CaptureError) {
    try readers.add(instance, cpus: cpus)
    let buffer = instance.purpose.bufferName
    streams += cpus.map { PageStream(cpu: $0, role: role, buffer: buffer, decoder: decoder) }
    counters += Array(repeating: instance.counters, count: cpus.count)
  }

  package mutating func next(_ position: Int) -> UnsafeRawBufferPointer? {
    if leavesDataUnread, streams[position].role == .data { return nextUnread(position) }
    guard let page = readers.next(at: position) else { return nil }
    keeper?.keep(page, of: position)
    return page
  }

  /// The next page without its events.
  private mutating func nextUnread(_ position: Int) -> UnsafeRawBufferPointer? {
    if let head = heads.next(position) { return head }
    readUnread(position)
    return heads.next(position)
  }

  /// Reads pages up to one that is not full. Many are written to a disk in less time than one by one.
  private mutating func readUnread(_ position: Int) {
    guard let room = keeper?.room else { return }
    var filled = 0
    var isFull = true
    while isFull, filled + pageSize <= room.count {
      let page = UnsafeMutableRawBufferPointer(rebasing: room[filled..<filled + pageSize])
      guard readers.read(at: position, into: page) == pageSize else { break }
      isFull = heads.add(UnsafeRawBufferPointer(page), position, streams[position].decoder)
      filled += pageSize
    }
    if filled > 0 { keeper?.keep(unread: filled, of: position) }
  }

  package func overrun(_ position: Int) -> UInt64? {
    let count = counters[position].overrun(cpu: streams[position].cpu)
    keeper?.keep(overrun: count, of: position)
    return count
  }

  /// What the kernel says of the ring buffer at `position`, the text of `per_cpu/cpuN/stats`; empty where it says nothing.
  package func statistics(_ position: Int) -> String { counters[position].text(cpu: streams[position].cpu) }
}
