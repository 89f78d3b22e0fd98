/// Tells whether a CPU's current page has been read to its end, which the kernel does not say: a page that is still being
/// written comes in pieces, one with each read.
struct PageFill {
  /// Free bytes at a page's end below which it counts as full: more than any but the rarest event takes.
  private static let slack = 512

  /// Bytes of the current page that were read so far.
  private var read = 0

  /// Notes a piece of `length` bytes of records; `capacity` is what a page holds. Returns whether the page is full, so that
  /// there may be another one behind it.
  mutating func add(_ length: Int, capacity: Int) -> Bool {
    // More than a page holds: the page before ended early, for an event that did not fit, and this is a new one.
    read = read + length > capacity ? length : read + length
    guard capacity - read <= Self.slack else { return false }
    read = 0
    return true
  }
}
