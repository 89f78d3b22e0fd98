internal import TraceModel

/// The strings that entries refer to, in the sections that they lie in.
///
/// libdw returns where one begins, and does not look whether one within an entry ends before its section.
struct DebugStrings {
  /// The most bytes of a string that are copied; longer ones are cut.
  private static let limit = 1 << 13

  private let sections: [ByteCursor]

  /// Takes the sections of a file. `alternate`: the strings of the other file that entries refer to.
  init(_ sections: DebugSections, _ alternate: DebugStrings? = nil) {
    self.sections = ["info", "str", "line_str"].map { sections.reader($0) } + (alternate?.sections ?? [])
  }

  /// The length of a string without its NUL; nil if it has none, or is longer than `limit`.
  func length(of text: UnsafePointer<CChar>, limit: Int) -> Int? {
    for section in sections {
      guard let offset = section.offset(of: text), var reader = section.part(from: offset) else { continue }
      return reader.stringLength(limit: limit)
    }
    return nil
  }

  /// A copy of a string; nil for one that is empty or does not end.
  func copy(_ text: UnsafePointer<CChar>) -> String? {
    guard let count = length(of: text, limit: .max), count > 0 else { return nil }
    return String(decoding: UnsafeRawBufferPointer(start: text, count: min(count, Self.limit)), as: UTF8.self)
  }
}
