/// The part of a demangled C++ name that the source calls the function: without return type and parameters.
struct CXXNameForm {
  /// The function's names with and without template arguments: `ns::f<int>` and `ns::f` of `void ns::f<int>(int)`.
  let bases: [String]

  private static let anonymous = Array("(anonymous namespace)".utf8)
  private static let keyword = Array("operator".utf8)
  private static let signs = Set("<>=!+-*/%^&|~,[]".utf8)

  init(_ text: String) {
    // What is not the function itself; a clone is a part of it at another address.
    guard !text.contains(" thunk to "), !text.contains(" for "), !text.contains("[clone ") else {
      bases = []
      return
    }
    let bytes = Array(text.utf8)
    guard let range = Self.nameRange(in: bytes), !range.isEmpty else {
      bases = []
      return
    }
    var forms = [bytes[range]]
    for _ in 0..<2 {
      // Template arguments, and `[abi:cxx11]`.
      guard let last = forms.last, let cut = Self.withoutLastBrackets(last) else { break }
      forms.append(cut)
    }
    bases = forms.map { String(decoding: $0, as: UTF8.self) }
  }

  /// Where the function's name lies: from the last space outside of brackets to the last parameter list, which `::` does not
  /// follow.
  private static func nameRange(in text: [UInt8]) -> Range<Int>? {
    var depth = BracketDepth()
    var (start, isNameOver) = (0, false)
    var range: Range<Int>?
    var index = 0
    while index < text.count {
      if depth.depth == 0, text[index...].starts(with: anonymous) {
        index += anonymous.count
        continue
      }
      if depth.depth == 0, let end = endOfOperator(in: text, at: index) {
        (index, isNameOver) = (end, true)
        continue
      }
      if depth.depth == 0, text[index] == UInt8(ascii: "("), start < index { range = start..<index }
      if depth.depth == 0, text[index] == UInt8(ascii: ":") { range = nil }
      if depth.depth == 0, text[index] == UInt8(ascii: " "), range == nil, !isNameOver { start = index + 1 }
      depth.read(text, at: index)
      index += 1
    }
    return range
  }

  /// Where `operator<<`, `operator()` or `operator bool` ends: its signs are no brackets and its space ends no type.
  private static func endOfOperator(in text: [UInt8], at index: Int) -> Int? {
    guard text[index] == UInt8(ascii: "o"), text[index...].starts(with: keyword),
      index == 0 || text[index - 1] == UInt8(ascii: ":") || text[index - 1] == UInt8(ascii: " ")
    else { return nil }
    var end = index + keyword.count
    guard end < text.count else { return nil }
    if text[end...].starts(with: "()".utf8) { return end + 2 }
    if text[end] == UInt8(ascii: " ") {
      while end < text.count, text[end] != UInt8(ascii: "(") { end += 1 }
      return end
    }
    let signs = text[end...].prefix { Self.signs.contains($0) }
    return signs.isEmpty ? nil : end + signs.count
  }

  private static func withoutLastBrackets(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard let last = name.last, last == UInt8(ascii: ">") || last == UInt8(ascii: "]") else { return nil }
    var depth = 0
    for index in name.indices.reversed() {
      switch name[index] {
      case UInt8(ascii: ">"), UInt8(ascii: "]"), UInt8(ascii: ")"): depth += 1
      case UInt8(ascii: "<"), UInt8(ascii: "["), UInt8(ascii: "("): depth -= 1
      default: break
      }
      if depth == 0 { return index == name.startIndex ? nil : name[..<index] }
    }
    return nil
  }
}
