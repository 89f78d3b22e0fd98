/// The versions of trace.dat that are written.
package enum TraceDatVersion: Int, Sendable {
  /// For readers older than trace-cmd 3.0. All its buffers have sub-buffers of one size.
  case six = 6
  case seven = 7
}

/// All of a trace.dat but its sub-buffers, and where these belong: a pure function of what is recorded and how much there is.
struct TraceDatLayout: Equatable {
  /// Bytes that lie together.
  struct Stretch: Equatable {
    /// Bytes from the file's start.
    var offset: UInt64
    var bytes: [UInt8]
  }

  /// Where the sub-buffers of one CPU belong.
  struct Place: Equatable {
    /// The buffer's number, and the CPU's position in it.
    var buffer: Int
    var position: Int
    /// Bytes from the file's start; a multiple of the sub-buffer's size, since readers map them.
    var offset: UInt64
    /// The number of bytes.
    var size: UInt64
  }

  /// In ascending order, and none overlaps another or a place.
  var stretches: [Stretch] = []
  var places: [Place] = []
  /// The number of bytes of the whole file.
  var size: UInt64 = 0

  /// A recording of `buffers`, of which the first is the top one. `sizes`: how many bytes of sub-buffers there are, by buffer and
  /// position of the CPU in it.
  init(
    _ version: TraceDatVersion, _ head: RecordingHead, _ buffers: [RecordingBuffer], sizes: [[UInt64]],
    _ tail: RecordingTail = RecordingTail()
  ) {
    let content = TraceDatContent(head: head, buffers: buffers, tail: tail)
    switch version {
    case .six: addVersion6(content, sizes)
    case .seven: addVersion7(content, sizes)
    }
  }

  /// Adds bytes behind all that is there.
  mutating func add(_ bytes: [UInt8]) {
    stretches.append(Stretch(offset: size, bytes: bytes))
    size += UInt64(bytes.count)
  }

  /// Makes room for the sub-buffers of those CPUs of a buffer that have any, each beginning at a multiple of the sub-buffer's size.
  mutating func addPlaces(_ buffer: Int, pageSize: Int, sizes: [UInt64]) {
    for (position, bytes) in sizes.enumerated() where bytes > 0 {
      let place = Place(buffer: buffer, position: position, offset: Self.align(size, to: pageSize), size: bytes)
      places.append(place)
      size = place.offset + bytes
    }
  }

  /// The places of a buffer's CPUs that have data.
  func places(of buffer: Int) -> [Place] { places.filter { $0.buffer == buffer } }

  private static func align(_ offset: UInt64, to size: Int) -> UInt64 {
    (offset + UInt64(size) - 1) / UInt64(size) * UInt64(size)
  }
}
