internal import Glibc

/// A name that is looked for, and what a linked name must contain for it to be that.
struct FunctionQuery {
  let text: String
  /// The last identifier of the name with its length before it, as in every linked C++ or Rust name of it. Empty if there is
  /// none.
  let identifier: [CChar]
  /// The longest word of the last identifier, verbatim in every Swift name: there, words that came before are not repeated.
  let word: [CChar]

  /// What the demanglers print of what is not an identifier in the linked name.
  private static let printed: Set<String> = [
    "operator", "new", "delete", "bool", "char", "short", "int", "long", "unsigned", "signed", "float", "double",
    "void",
    "const", "auto", "decltype", "init", "deinit", "__allocating_init", "__deallocating_deinit", "getter", "setter",
    "modify", "read", "subscript", "infix", "prefix", "postfix", "static", "class", "closure", "in", "of", "for",
  ]

  init(_ text: String) {
    self.text = text
    // A closure has no name of its own: what it is in has.
    let names = SwiftNameForm.split(Array(text.utf8), at: " in ").lazy.compactMap { part in
      Self.identifiers(in: Self.head(of: String(decoding: part, as: UTF8.self))).last
    }
    let name = names.first ?? Self.identifiers(in: text).last ?? ""
    let length = name.isEmpty ? "" : String(name.utf8.count)
    identifier = Array((length + name).utf8CString)
    word = Array((Self.words(of: name).max { $0.utf8.count < $1.utf8.count } ?? name).utf8CString)
  }

  /// The number after 0x, if that is all of the text: an address as nm prints it.
  var address: UInt64? {
    guard text.hasPrefix("0x") || text.hasPrefix("0X") else { return nil }
    return UInt64(text.dropFirst(2), radix: 16)
  }

  /// Whether a linked name can be a mangled one of this name.
  func mayBe(_ name: UnsafePointer<CChar>) -> Bool {
    switch MangledKind(name) {
    case .cxx, .rust: strstr(name, identifier) != nil
    case .swift: strstr(name, word) != nil
    case nil: false
    }
  }

  /// Identifiers, in order, that are verbatim in a linked name.
  static func identifiers(in text: String) -> [String] {
    text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init).filter {
      !printed.contains($0) && $0.first?.isNumber == false
    }
  }

  /// The name before the parameters and types, without template arguments.
  private static func head(of text: String) -> String {
    var rest = text
    for prefix in ["(anonymous namespace)::", "(extension in "] {
      rest = rest.split(separator: prefix, omittingEmptySubsequences: false).joined(separator: " ")
    }
    for end in [" : ", " -> "] { rest = String(rest.split(separator: end, maxSplits: 1).first ?? "") }
    var head = ""
    var depth = 0
    for character in rest {
      switch character {
      case "<": depth += 1
      case ">": depth = max(0, depth - 1)
      // A Swift private name is (name in _8C4D…); all else in parentheses is parameters.
      case "(" where depth == 0 && !head.hasSuffix("."): return head
      case " " where head.contains("("): return head
      default: if depth == 0 { head.append(character) }
      }
    }
    return head
  }

  /// The words of an identifier as Swift's mangling splits them: at underscores, and where an upper case letter follows another
  /// character.
  private static func words(of identifier: String) -> [String] {
    var words: [String] = []
    var word = ""
    for character in identifier {
      if character == "_" || (character.isUppercase && word.last?.isUppercase == false) {
        words.append(word)
        word = ""
      }
      if character != "_", !(word.isEmpty && character.isNumber) { word.append(character) }
    }
    return words + [word]
  }
}

/// The language by whose rules a name is mangled.
enum MangledKind {
  case cxx
  case swift
  /// Rust's older names are C++'s.
  case rust

  init?(_ name: UnsafePointer<CChar>) {
    let isUnderscored = name[0] == CChar(bitPattern: UInt8(ascii: "_"))
    if isUnderscored, name[1] == CChar(bitPattern: UInt8(ascii: "Z")) {
      self = .cxx
    } else if isUnderscored, name[1] == CChar(bitPattern: UInt8(ascii: "R")) {
      self = .rust
    } else if name[isUnderscored ? 1 : 0] == CChar(bitPattern: UInt8(ascii: "$"))
      || (isUnderscored && name[1] == CChar(bitPattern: UInt8(ascii: "T")))
    {
      self = .swift
    } else {
      return nil
    }
  }
}
