/// Bounds what a C++ name expands to before it is given to the demangler, which knows no bound: where each level of nested
/// template arguments repeats the one before twice, 250 bytes become 400 MB.
///
/// References to what came before (`S1_`, `T0_`) are taken to be as long as the longest group that ended so far (`I…E` and its
/// kind). That is too much, never too little.
enum CXXNameSize {
  private static let limit: UInt64 = 16 << 20

  static func isBounded(_ name: String) -> Bool {
    let text = Array(name.utf8)
    // Of each open group; the first one is the name itself.
    var sizes: [UInt64] = [0]
    var longest: UInt64 = 0
    var index = 0
    while index < text.count {
      let byte = text[index]
      index += 1
      var size: UInt64 = 1
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        // An identifier is its length and as many bytes.
        var length = Int(byte - UInt8(ascii: "0"))
        while index < text.count, isDigit(text[index]), length < text.count {
          length = length * 10 + Int(text[index] - UInt8(ascii: "0"))
          index += 1
        }
        size = UInt64(min(length, text.count - index))
        index += Int(size)
      case UInt8(ascii: "S"), UInt8(ascii: "T"):
        let end = endOfReference(text, from: index)
        // The others are abbreviations of the standard library's names.
        size = end == nil ? 80 : longest + 1
        index = end ?? index
      case UInt8(ascii: "I"), UInt8(ascii: "J"), UInt8(ascii: "N"), UInt8(ascii: "F"), UInt8(ascii: "X"),
        UInt8(ascii: "L"), UInt8(ascii: "Z"):
        sizes.append(0)
      case UInt8(ascii: "E"):
        if sizes.count > 1 { size += sizes.removeLast() }
        longest = max(longest, size + sizes[sizes.count - 1])
      case UInt8(ascii: "M"):
        // A pointer to a member is two types without an end.
        longest = max(longest, sizes.reduce(0, +))
        size = longest + 1
      default: break
      }
      sizes[sizes.count - 1] += size
      if sizes[sizes.count - 1] > limit { return false }
    }
    return true
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  /// `_`, or digits and capitals up to it.
  private static func endOfReference(_ text: [UInt8], from start: Int) -> Int? {
    var index = start
    while index < text.count, isDigit(text[index]) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(text[index]) {
      index += 1
    }
    return index < text.count && text[index] == UInt8(ascii: "_") ? index + 1 : nil
  }
}
