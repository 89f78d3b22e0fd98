internal import Binaries
internal import Glibc
internal import Report

/// Something that can be a trigger.
struct ListEntry {
  enum Kind: String {
    case tracepoint = "t"
    case kernelFunction = "k"
    case userFunction = "up"
    case usdt = "u"
  }

  var kind: Kind
  /// The file as the target sees it; nil for the program itself and for the kernel.
  var path: String?
  /// The name without kind and path: `SYSTEM:EVENT`, `FUNCTION`, `SYMBOL` or `PROVIDER:PROBE`.
  var name: String
  /// The function's address, if other functions have the same name; else nil.
  var address: UInt64?
  /// What a mangled name stands for; nil where it is not mangled.
  var demangled: String? { kind == .userFunction ? Function.readable(name) : nil }

  /// The entry as `--start-trigger` takes it.
  var trigger: String { written(address.map { "0x" + String($0, radix: 16) } ?? name) }

  /// The entry by its name, even if that means several functions.
  var byName: String { written(name) }

  var text: String { trigger + ((demangled ?? address.map { _ in name }).map { "\t\($0)" } ?? "") + "\n" }

  private func written(_ name: String) -> String { "\(kind.rawValue):\(path.map { "\($0):" } ?? "")\(name)" }

  var json: String {
    JSONLine.text([
      ("trigger", trigger), ("kind", "\(kind)"), ("path", path), ("name", name), ("demangled", demangled),
    ])
  }
}

/// The pattern that entries are chosen by.
struct ListFilter {
  private let pattern: String?
  /// The kind that the pattern begins with; nil where it begins with none.
  private let kind: ListEntry.Kind?

  init(_ pattern: String?) {
    self.pattern = pattern
    kind = pattern.flatMap { pattern in
      pattern.firstIndex(of: ":").flatMap { ListEntry.Kind(rawValue: String(pattern[..<$0])) }
    }
  }

  /// Whether anything of this kind can match, so that it is worth looking for.
  func admits(_ kind: ListEntry.Kind) -> Bool { self.kind == nil || self.kind == kind }

  func matches(_ entry: ListEntry) -> Bool {
    guard let pattern else { return true }
    // The cheap ones first: demangling half a million names takes seconds.
    let place = entry.path.map { "\($0):" } ?? ""
    return Self.matches(pattern, [entry.name, entry.byName, place + entry.name, entry.trigger])
      || entry.demangled.map { Self.matches(pattern, [$0, "\(entry.kind.rawValue):\(place)\($0)"]) } ?? false
  }

  private static func matches(_ pattern: String, _ texts: [String]) -> Bool {
    texts.contains { fnmatch(pattern, $0, 0) == 0 }
  }
}
