internal import SystemCalls
package import TraceFormat

/// Whoever keeps the pages that a capture reads, for a recording.
package protocol PageKeeper: AnyObject {
  /// A page of the stream at `position` was read. Its bytes are valid during the call.
  func keep(_ page: UnsafeRawBufferPointer, of position: Int)

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
  private let heads: PageHeads

  /// Pages without a ring buffer yet. `pageSize`: the number of bytes of the largest sub-buffer, header included.
  init(pageSize: Int) {
    readers = RawPageReaders(pageSize: pageSize)
    heads = PageHeads(pageSize: pageSize)
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
    guard let page = readers.next(at: position) else { return nil }
    keeper?.keep(page, of: position)
    let stream = streams[position]
    return leavesDataUnread && stream.role == .data ? heads.head(of: page, stream.decoder) : page
  }

  package func overrun(_ position: Int) -> UInt64? {
    let count = counters[position].overrun(cpu: streams[position].cpu)
    keeper?.keep(overrun: count, of: position)
    return count
  }

  /// What the kernel says of the ring buffer at `position`, the text of `per_cpu/cpuN/stats`; empty where it says nothing.
  package func statistics(_ position: Int) -> String { counters[position].text(cpu: streams[position].cpu) }
}
