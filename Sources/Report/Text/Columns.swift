/// Text in columns.
enum Columns {
  static func left(_ text: String, _ width: Int) -> String {
    let length = text.unicodeScalars.count
    return length >= width ? text : text + String(repeating: " ", count: width - length)
  }

  static func right(_ text: String, _ width: Int) -> String {
    let length = text.unicodeScalars.count
    return length >= width ? text : String(repeating: " ", count: width - length) + text
  }

  static func right(_ number: UInt64, _ width: Int) -> String { right(String(number), width) }

  /// The text left-aligned, and cut where it is too long.
  static func cut(_ text: String, _ width: Int) -> String {
    left(String(String.UnicodeScalarView(text.unicodeScalars.prefix(width))), width)
  }

  /// A number with thousands separators: 1234567 as 1,234,567.
  static func grouped(_ number: UInt64) -> String {
    var digits = String(number)
    var position = digits.count - 3
    while position > 0 {
      digits.insert(",", at: digits.index(digits.startIndex, offsetBy: position))
      position -= 3
    }
    return digits
  }

  /// A time in ns as seconds, with all its decimals.
  static func seconds(_ nanoseconds: UInt64) -> String {
    let decimals = String(nanoseconds % 1_000_000_000)
    return "\(nanoseconds / 1_000_000_000).\(String(repeating: "0", count: 9 - decimals.count))\(decimals)"
  }

  /// A nanosecond column: grouped, 16 wide.
  static func nanoseconds(_ number: UInt64) -> String { right(grouped(number), 16) }

  /// The text with a `?` for each control character. Names come from programs: such a character must not reach the operator's
  /// terminal.
  static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "?" : $0 }))
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
  }
}
