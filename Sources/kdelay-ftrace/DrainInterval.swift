/// How long the reader sleeps between two drains: as long as the buffers allow, since every drain costs, and short enough
/// that a burst at full rate still fits.
struct DrainInterval {
  /// Bytes per drain that are aimed at: a sixteenth of one CPU's buffer.
  private let wanted: UInt64
  private static let shortest: UInt64 = 2_000_000
  private static let longest: UInt64 = 100_000_000
  /// ns.
  private(set) var length: UInt64 = 10_000_000

  init(bufferBytes: Int) { wanted = UInt64(max(bufferBytes / 16, 65536)) }

  /// A drain read `bytes`: the next one should read what is wanted.
  mutating func adapt(toBytes bytes: UInt64) {
    let next = bytes == 0 ? length * 2 : min(length * 2, length * wanted / bytes)
    length = min(max(next, Self.shortest), Self.longest)
  }
}
