/// Tells whether a CPU's current page has been read to its end, which the kernel does not say: a page that is still being
/// written comes in pieces, one with each read.
struct PageFill {
  /// Free bytes at a page's end below which it counts as full: more than any but the rarest event takes.
  private static let slack = 512

  /// Bytes of the current page that were read so far.
  private var read = 0
  /// The piece before this one filled its page, or nearly so: a little more of that page may follow.
  private var hasJustFilled = false

  /// Notes a piece of `length` bytes of records; `capacity` is what a page holds. Returns whether there may be another page
  /// behind it.
  mutating func add(_ length: Int, capacity: Int) -> Bool {
    if hasJustFilled, length <= Self.slack {
      // The rest of a page that was taken for full, or the beginning of the next: only one more read tells.
      hasJustFilled = false
      return true
    }
    // More than a page holds: the page before ended early, for an event that did not fit, and this is a new one.
    read = read + length > capacity ? length : read + length
    hasJustFilled = capacity - read <= Self.slack
    if hasJustFilled { read = 0 }
    return hasJustFilled
  }
}
