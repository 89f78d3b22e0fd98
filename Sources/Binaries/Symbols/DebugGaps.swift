/// Files whose names or lines are missing, and why: what the reader of a stack must know.
struct DebugGaps {
  private enum Reason: CaseIterable {
    case unopened, otherBuild, unreadable, split
  }

  /// The most names that a sentence has; there may be thousands.
  private static let shown = 3

  private var files: [Reason: Set<String>] = [:]

  /// Takes note of a file that could not be opened.
  mutating func noteUnopened(_ name: String) { note(.unopened, name) }

  /// Takes note of a file that is not the one that ran.
  mutating func noteOtherBuild(_ name: String) { note(.otherBuild, name) }

  /// Takes note of a file whose debug information is there, and cannot be read: it is damaged, or compressed in a way that libelf
  /// does not know.
  mutating func noteUnreadable(_ name: String) { note(.unreadable, name) }

  /// Takes note of a file whose debug information is in other files, of which only the compiler's working directory tells where
  /// they were.
  mutating func noteSplit(_ name: String) { note(.split, name) }

  private mutating func note(_ reason: Reason, _ name: String) { files[reason, default: []].insert(name) }

  /// A sentence for each reason.
  var notes: [String] {
    Reason.allCases.compactMap { reason in files[reason].map { Self.sentence(reason, $0.sorted()) } }
  }

  private static func sentence(_ reason: Reason, _ names: [String]) -> String {
    let more = names.count > shown ? " and \(names.count - shown) more" : ""
    let list = names.prefix(shown).joined(separator: ", ") + more
    return switch reason {
    case .unopened:
      "these files could not be opened: \(list). Functions there have no names."
    case .otherBuild:
      "these files are not the ones that ran, and were not used: \(list). Functions there have no names."
    case .unreadable:
      "the debug information of \(list) is damaged, or compressed in a way that cannot be unpacked here: inlined functions "
        + "and lines there can be missing."
    case .split:
      "the debug information of \(list) is in .dwo files, which are not read: inlined functions there are missing."
    }
  }
}
