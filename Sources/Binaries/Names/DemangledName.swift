/// A demangled name in the forms that people write it in.
struct DemangledName {
  /// The name as `c++filt` or `swift demangle` prints it.
  let full: String
  /// The name as `swift demangle -simplified` prints it: without modules and types.
  let simplified: String?
  /// The names without the parameter list; none for what the compiler derived from a function (thunks, clones, closures).
  let bases: [String]

  /// Demangles a name; nil if it is not a mangled name, or if the language's run-time library is not there.
  init?(of name: String) {
    if let text = Demangler.shared.swiftName(name).map(SwiftTypeSugar.apply) {
      let form = SwiftNameForm(text)
      self.init(full: text, simplified: form.simplified, bases: form.bases)
    } else if let text = Demangler.shared.rustName(name) {
      self.init(full: text, simplified: nil, bases: [])
    } else if let text = Demangler.shared.cxxName(name) {
      if let rust = RustNameForm(text) {
        self.init(full: text, simplified: nil, bases: [rust.path])
      } else {
        self.init(full: text, simplified: nil, bases: CXXNameForm(text).bases)
      }
    } else {
      return nil
    }
  }

  private init(full: String, simplified: String?, bases: [String]) {
    self.full = full
    self.simplified = simplified
    self.bases = bases
  }
}

/// A legacy Rust name: `core::fmt::write::h0123456789abcdef` with escapes in its parts.
struct RustNameForm {
  /// The name without the hash, as the source has it.
  let path: String

  init?(_ text: String) {
    guard let cut = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    let hash = text[text.utf8.index(after: cut)...]
    guard hash.utf8.count == 17, hash.first == "h", hash.dropFirst().allSatisfy(\.isHexDigit),
      text[..<cut].last == ":"
    else { return nil }
    let escapes = [
      ("$LT$", "<"), ("$GT$", ">"), ("$LP$", "("), ("$RP$", ")"), ("$RF$", "&"), ("$BP$", "*"), ("$C$", ","),
      ("$SP$", "@"), ("$u20$", " "), ("$u27$", "'"), ("$u5b$", "["), ("$u5d$", "]"), ("$u7b$", "{"), ("$u7d$", "}"),
      ("$u3b$", ";"), ("$u2b$", "+"), ("$u22$", "\""), ("..", "::"),
    ]
    var path = String(text[..<cut].dropLast())
    for (escape, plain) in escapes {
      path = path.split(separator: escape, omittingEmptySubsequences: false).joined(separator: plain)
    }
    // An underscore keeps a part that begins with an escape an identifier.
    path = path.split(separator: "::_<", omittingEmptySubsequences: false).joined(separator: "::<")
    self.path = path.hasPrefix("_<") ? String(path.dropFirst()) : path
  }
}

/// Where brackets are open, while a demangled name is read.
struct BracketDepth {
  private(set) var depth = 0

  /// Takes note of the byte at `index`; an arrow's `>` closes nothing.
  mutating func read(_ text: [UInt8], at index: Int) {
    switch text[index] {
    case UInt8(ascii: "("), UInt8(ascii: "<"), UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
    case UInt8(ascii: ">") where index > 0 && text[index - 1] == UInt8(ascii: "-"): break
    case UInt8(ascii: ")"), UInt8(ascii: ">"), UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
    default: break
    }
  }
}
