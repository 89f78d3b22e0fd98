package import TraceFormat

/// Pages that a test has written, by stream.
package struct ScriptedPages: ~Copyable, PageSource {
  package let streams: [PageStream]
  /// What is still to come of each stream.
  package var pages: [[[UInt8]]]
  /// What the kernel would say that each stream has lost.
  package var overruns: [UInt64?]
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)

  package init(_ streams: [PageStream], _ pages: [[HandmadePage]] = []) {
    self.streams = streams
    self.pages = pages.map { $0.map(\.bytes) }
    while self.pages.count < streams.count { self.pages.append([]) }
    overruns = Array(repeating: nil, count: streams.count)
  }

  deinit { buffer.deallocate() }

  package mutating func next(_ position: Int) -> UnsafeRawBufferPointer? {
    guard !pages[position].isEmpty else { return nil }
    let bytes = pages[position].removeFirst()
    buffer.copyBytes(from: bytes)
    return UnsafeRawBufferPointer(rebasing: buffer[..<bytes.count])
  }

  package func overrun(_ position: Int) -> UInt64? { overruns[position] }
}
