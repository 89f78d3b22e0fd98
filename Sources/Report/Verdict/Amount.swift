/// Times and shares as a person says them, three digits where that suffices.
enum Amount {
  /// A time in ns with the unit that suits it: `850 ns`, `4.8 us`, `1,187 ms`, `240 s`.
  static func time(_ nanoseconds: UInt64) -> String {
    switch nanoseconds {
    case ..<1000: "\(nanoseconds) ns"
    case ..<999_500: scaled(nanoseconds, 1000) + " us"
    case ..<100_000_000_000: scaled(nanoseconds, 1_000_000) + " ms"
    default: scaled(nanoseconds, 1_000_000_000) + " s"
    }
  }

  /// A share in per cent. A little is never shown as nothing, and what is not all never as all.
  static func share(_ part: UInt64, of whole: UInt64) -> String {
    guard part > 0, whole > 0 else { return "0 %" }
    if part >= whole { return "100 %" }
    // In floating point, since the lives of many threads times 1000 can be too much for 64 bits.
    let tenths = UInt64((Double(part) / Double(whole) * 1000).rounded())
    switch tenths {
    case 0: return "<0.1 %"
    case ..<100: return "\(tenths / 10).\(tenths % 10) %"
    case ..<995: return "\((tenths + 5) / 10) %"
    default: return ">99 %"
    }
  }

  /// Whether the part is at least `percent` of the whole.
  static func isAtLeast(_ percent: UInt64, _ part: UInt64, of whole: UInt64) -> Bool {
    part > 0 && Double(part) * 100 >= Double(whole) * Double(percent)
  }

  /// What is left of a time; never less than nothing.
  static func left(of time: UInt64, without part: UInt64) -> UInt64 { time - min(part, time) }

  private static func scaled(_ number: UInt64, _ unit: UInt64) -> String {
    let tenths = (number + unit / 20) / (unit / 10)
    return tenths < 100 ? "\(tenths / 10).\(tenths % 10)" : Columns.grouped((number + unit / 2) / unit)
  }
}
