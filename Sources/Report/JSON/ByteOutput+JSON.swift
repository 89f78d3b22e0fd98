// JSON is written by these few functions and not by Foundation's JSONEncoder: the order of keys is part of the documented
// report, there may be thousands of windows a second, and the tool does without Foundation, which is larger than itself.
extension ByteOutput {
  mutating func json(_ number: UInt64) { append(decimal: number) }

  mutating func json(_ number: Int64) {
    if number < 0 { append(UInt8(ascii: "-")) }
    append(decimal: number.magnitude)
  }

  mutating func json(_ value: Bool) { append(value ? JSONBytes.true : JSONBytes.false) }

  mutating func jsonNull() { append(JSONBytes.null) }

  /// A string. RFC 8259 has quotes, backslashes and control characters escaped.
  mutating func json(_ string: String) {
    append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case UInt8(ascii: "\n"): append("\\n")
      case UInt8(ascii: "\t"): append("\\t")
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        append("\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)")
      default: append(byte)
      }
    }
    append(UInt8(ascii: "\""))
  }

  /// A list, whose elements `body` writes one by one.
  mutating func json<Element>(
    list elements: some Sequence<Element>, _ body: (Element, inout ByteOutput) -> Void
  ) {
    append(UInt8(ascii: "["))
    var isFirst = true
    for element in elements {
      if !isFirst { append(UInt8(ascii: ",")) }
      isFirst = false
      body(element, &self)
      handOnIfLong()
    }
    append(UInt8(ascii: "]"))
  }
}

private enum JSONBytes {
  static let `true` = Array("true".utf8)
  static let `false` = Array("false".utf8)
  static let null = Array("null".utf8)
}
