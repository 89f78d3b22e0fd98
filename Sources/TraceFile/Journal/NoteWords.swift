/// Writes the words of a note: separated by spaces, with `%XX` for every byte of a word that would end it or that a terminal would
/// act on. An empty word is a lone `%`.
package struct NoteWords: Sendable, Equatable {
  package private(set) var text = ""

  /// No words yet.
  package init() {}

  /// A note that begins with `word`.
  package init(_ word: String) { text = Self.escape(word) }

  private mutating func append(_ word: String) {
    if !text.isEmpty { text += " " }
    text += word
  }

  /// Adds a word.
  package mutating func add(_ word: String) { append(Self.escape(word)) }

  /// Adds a number.
  package mutating func add(_ number: some BinaryInteger) { append("\(number)") }

  /// Adds a number, or what says that there is none.
  package mutating func add(_ number: (some BinaryInteger)?) {
    if let number { add(number) } else { append(Self.nothing) }
  }

  /// Adds a truth value.
  package mutating func add(_ isSo: Bool) { append(isSo ? "1" : "0") }

  /// What stands where there is no value.
  package static let nothing = "-"

  /// Adds words that end the note, or come before another list of words; how many there are comes first.
  package mutating func add<Element>(each elements: [Element], _ add: (inout NoteWords, Element) -> Void) {
    self.add(elements.count)
    for element in elements { add(&self, element) }
  }

  private static func escape(_ word: String) -> String {
    if word.isEmpty { return "%" }
    if word.utf8.allSatisfy({ isPlain($0) }), word != nothing { return word }
    var escaped: [UInt8] = []
    for byte in word.utf8 {
      if isPlain(byte), word != nothing {
        escaped.append(byte)
      } else {
        escaped += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
      }
    }
    return String(decoding: escaped, as: UTF8.self)
  }

  /// A lone backslash at the end would say that the note goes on (`JournalNote.continuation`).
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: "%") && byte != UInt8(ascii: "\\")
  }

  private static func digit(_ value: UInt8) -> UInt8 { Array("0123456789ABCDEF".utf8)[Int(value)] }
}

/// Reads a note's words, front to back. What is missing or no number is nil; whoever reads decides what that means.
package struct NoteReader {
  private var rest: Substring.UTF8View

  /// A reader of all words of `text`.
  package init(_ text: some StringProtocol) { rest = Substring(text).utf8 }

  /// Whether no word is left.
  package var isAtEnd: Bool { rest.isEmpty }

  /// The next word as it is written.
  private mutating func next() -> Substring.UTF8View? {
    if rest.isEmpty { return nil }
    let word = rest.prefix { $0 != UInt8(ascii: " ") }
    rest = rest[word.endIndex...].dropFirst()
    return word
  }

  /// The next word; nil where it says that there is nothing.
  package mutating func word() -> String? { next().flatMap { $0.elementsEqual([0x2D]) ? nil : Self.unescape($0) } }

  /// The next word as a number.
  package mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number? {
    next().flatMap { Number(Substring($0)) }
  }

  /// The next word as a truth value.
  package mutating func truth() -> Bool? { number(UInt8.self).map { $0 != 0 } }

  /// The list that comes next; nil where it is not whole.
  package mutating func list<Element>(_ read: (inout NoteReader) -> Element?) -> [Element]? {
    guard let count = number(Int.self), count >= 0 else { return nil }
    var elements: [Element] = []
    for _ in 0..<count {
      guard !isAtEnd, let element = read(&self) else { return nil }
      elements.append(element)
    }
    return elements
  }

  private static func unescape(_ word: Substring.UTF8View) -> String? {
    if word.elementsEqual([UInt8(ascii: "%")]) { return "" }
    guard word.contains(UInt8(ascii: "%")) else { return String(Substring(word)) }
    var bytes: [UInt8] = []
    var rest = word[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      guard digits.count == 2, let value = UInt8(String(Substring(digits)), radix: 16) else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
