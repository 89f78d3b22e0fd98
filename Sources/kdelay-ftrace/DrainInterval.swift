/// How long the reader sleeps between two drains: as long as the buffers allow, since every drain costs, and short enough
/// that a burst at full rate still fits.
struct DrainInterval {
  /// The share of one CPU's fullest kind of buffer that a drain is to find: 1 is all of it.
  private let wanted: Double
  private static let shortest: Double = 2_000_000
  private static let longest: Double = 100_000_000
  /// The time between two drains, ns.
  private(set) var length: UInt64 = 10_000_000

  /// The interval to begin with. A sixteenth of a buffer is aimed at, and of a small buffer of events a read that is worth it.
  init(bufferBytes: Int) { wanted = max(1.0 / 16, 65536 / Double(max(bufferBytes, 65536))) }

  /// A drain read `share` of a buffer: the next one should read what is wanted.
  mutating func adapt(toFilled share: Double) {
    let length = Double(self.length)
    let next = share == 0 ? length * 2 : min(length * 2, length * wanted / share)
    self.length = UInt64(min(max(next, Self.shortest), Self.longest))
  }
}
