/// The encoding of an identifier with letters beyond ASCII (RFC 3492), with `_` for its `-`.
enum Punycode {
  static func decode(_ bytes: ArraySlice<UInt8>) -> String? {
    let delimiter = bytes.lastIndex(of: UInt8(ascii: "_"))
    var output = delimiter.map { bytes[..<$0].map { Unicode.Scalar($0) } } ?? []
    let rest = delimiter.map { bytes[($0 + 1)...] } ?? bytes
    var (code, position, bias, isFirst) = (128, 0, 72, true)
    var index = rest.startIndex
    while index < rest.endIndex {
      let old = position
      var (weight, base) = (1, 36)
      while true {
        guard index < rest.endIndex, let digit = digit(rest[index]), position < 1 << 30, weight < 1 << 30 else {
          return nil
        }
        index += 1
        position += digit * weight
        let threshold = min(max(base - bias, 1), 26)
        guard digit >= threshold else { break }
        weight *= 36 - threshold
        base += 36
      }
      let count = output.count + 1
      bias = adapted(position - old, count: count, isFirst: isFirst)
      isFirst = false
      code += position / count
      position %= count
      guard let value = UInt32(exactly: code), let scalar = Unicode.Scalar(value) else { return nil }
      output.insert(scalar, at: position)
      position += 1
    }
    var text = ""
    text.unicodeScalars.append(contentsOf: output)
    return text
  }

  private static func digit(_ byte: UInt8) -> Int? {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(byte - UInt8(ascii: "a"))
    case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0")) + 26
    default: nil
    }
  }

  private static func adapted(_ difference: Int, count: Int, isFirst: Bool) -> Int {
    var delta = isFirst ? difference / 700 : difference / 2
    delta += delta / count
    var base = 0
    while delta > 455 {
      delta /= 35
      base += 36
    }
    return base + 36 * delta / (delta + 38)
  }
}
