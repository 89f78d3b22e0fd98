/// The shorter forms of a demangled Swift name, made from the full one: the run-time library prints only that.
struct SwiftNameForm {
  /// The name as `swift demangle -simplified` prints it: `Foo.bar(x:)` of `static main.Foo.bar(x: Swift.Int) -> ()`, with what
  /// stands before; nil where it is not known.
  let simplified: String?
  /// The names without labels and types: `main.Foo.bar` and `Foo.bar`.
  let bases: [String]

  init(_ text: String) {
    // Code that the compiler split off shares the rest of its name with the function.
    guard !text.contains(" with unmangled suffix ") else {
      (simplified, bases) = (nil, [])
      return
    }
    let parts = Self.split(Array(text.utf8), at: " in ").map { Entity($0) }
    simplified = parts.map(\.simplified).joined(separator: " in ")
    guard parts.count == 1, let entity = parts.first, ["", "static ", "class "].contains(entity.before) else {
      bases = []
      return
    }
    var bases = [entity.path, entity.pathWithoutModule]
    for path in bases {
      if path.hasSuffix(">"), let cut = path.lastIndex(of: "<"), cut != path.startIndex {
        bases.append(String(path[..<cut]))
      }
    }
    self.bases = bases
  }

  /// The parts of a text between separators outside of brackets.
  static func split(_ text: [UInt8], at separator: StaticString) -> [[UInt8]] {
    let separator = Array("\(separator)".utf8)
    var depth = BracketDepth()
    var (parts, start, index) = ([[UInt8]](), 0, 0)
    while index < text.count {
      if depth.depth == 0, text[index] == separator[0], text[index...].starts(with: separator) {
        parts.append(Array(text[start..<index]))
        index += separator.count
        start = index
      } else {
        depth.read(text, at: index)
        index += 1
      }
    }
    parts.append(Array(text[start...]))
    return parts
  }
}

/// `static main.Foo.bar(x: Swift.Int) -> ()` in its parts.
private struct Entity {
  /// What kind of thing the name stands for, with a space: "static ", "type metadata accessor for ".
  let before: String
  let path: String
  let pathWithoutModule: String
  /// What follows the name: " infix" of an operator, or nothing.
  let after: String
  /// The argument labels, "(x:_:)"; nothing for what has no parameters.
  let labels: String

  var simplified: String {
    var text = before + pathWithoutModule + after
    if text.hasPrefix("closure #") || text.hasPrefix("implicit closure #") { return text }
    text += labels
    return text
  }

  init(_ text: [UInt8]) {
    var head = text
    for separator in [" -> ", " : ", " async", " throws"] as [StaticString] {
      head = SwiftNameForm.split(head, at: separator)[0]
    }
    var labels = ""
    if head.last == UInt8(ascii: ")"), let open = Self.openingOfLast(in: head) {
      labels = Self.labels(Array(head[(open + 1)..<(head.count - 1)]))
      head = Array(head[..<open])
    }
    let extended = Array("(extension in ".utf8)
    var words = SwiftNameForm.split(head, at: " ").map { word in
      guard word.starts(with: extended), let end = word.firstIndex(of: UInt8(ascii: ":")) else { return word }
      return Array(word[(end + 1)...])
    }
    // A local function's number stands apart from its parameters: nested #1 (q:).
    let isApart = words.last?.isEmpty == true
    if isApart { words.removeLast() }
    let place = words.firstIndex { $0.contains(UInt8(ascii: ".")) } ?? max(0, words.count - 1)
    let components = words.isEmpty ? [] : SwiftNameForm.split(words[place], at: ".").map(Self.withoutDiscriminator)
    func joined(_ words: ArraySlice<[UInt8]>, separator: String = " ") -> String {
      words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: separator)
    }
    before = place > 0 ? joined(words[..<place]) + " " : ""
    path = joined(components[...], separator: ".")
    // An operator's own dots make empty components.
    let rest = components.count > 1 ? components.dropFirst() : components[...]
    pathWithoutModule = joined(rest, separator: ".")
    after = place + 1 < words.count ? " " + joined(words[(place + 1)...]) : ""
    self.labels = isApart ? " " + labels : labels
  }

  private static func openingOfLast(in text: [UInt8]) -> Int? {
    var depth = 0
    for index in text.indices.reversed() {
      if text[index] == UInt8(ascii: ")") { depth += 1 }
      if text[index] == UInt8(ascii: "(") { depth -= 1 }
      if depth == 0 { return index == 0 ? nil : index }
    }
    return nil
  }

  private static func labels(_ parameters: [UInt8]) -> String {
    guard !parameters.isEmpty else { return "()" }
    let labels = SwiftNameForm.split(parameters, at: ", ").map { parameter in
      let parts = SwiftNameForm.split(parameter, at: ": ")
      return parts.count > 1 ? String(decoding: parts[0], as: UTF8.self) + ":" : "_:"
    }
    return "(" + labels.joined() + ")"
  }

  /// `(name in _8C4DC466…)` of a private function.
  private static func withoutDiscriminator(_ component: [UInt8]) -> [UInt8] {
    guard component.first == UInt8(ascii: "("), let space = component.firstIndex(of: UInt8(ascii: " ")),
      component[space...].starts(with: " in _".utf8)
    else { return component }
    return Array(component[1..<space])
  }
}
