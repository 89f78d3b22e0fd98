internal import SystemCalls
package import TraceFormat

/// The ring buffers of a capture's instances, which the kernel fills while they are read.
package struct LivePages: ~Copyable, PageSource {
  private var readers: RawPageReaders
  package private(set) var streams: [PageStream] = []
  /// The kernel's account of each instance, by stream.
  private var counters: [RingCounters] = []

  /// Pages without a ring buffer yet. `pageSize`: the number of bytes of the largest sub-buffer, header included.
  init(pageSize: Int) { readers = RawPageReaders(pageSize: pageSize) }

  /// Opens the ring buffers of an instance; their streams come next in position.
  mutating func add(
    _ instance: borrowing TracingInstance, cpus: [Int], role: PageStream.Role = .data, decoder: PageDecoder
  ) throws(CaptureError) {
    try readers.add(instance, cpus: cpus)
    streams += cpus.map { PageStream(cpu: $0, role: role, decoder: decoder) }
    counters += Array(repeating: instance.counters, count: cpus.count)
  }

  package mutating func next(_ position: Int) -> UnsafeRawBufferPointer? { readers.next(at: position) }

  package func overrun(_ position: Int) -> UInt64? { counters[position].overrun(cpu: streams[position].cpu) }
}
