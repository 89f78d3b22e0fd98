internal import SystemCalls

/// The parts of a recording of which the newest are kept (`record --rotate`): each is a recording in a directory of its own, whose
/// name is its number.
package enum RecordingSegments {
  /// The name of the segment with this number, from 1.
  package static func name(_ number: Int) -> String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(6 - digits.count, 0)) + digits
  }

  /// The paths of the segments in `directory`, the oldest first; empty where it has none.
  package static func paths(in directory: String) -> [String] {
    ((try? SystemFiles.list(directory)) ?? []).compactMap { name in Int(name).map { ($0, name) } }
      .filter { number, name in number > 0 && Self.name(number) == name }
      .sorted { $0.0 < $1.0 }.map { "\(directory)/\($0.1)" }
  }
}
