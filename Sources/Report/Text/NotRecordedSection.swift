/// The section that says what a recording lacks, and what the sections above lack for it.
enum NotRecordedSection {
  static func lines(_ sentences: [String]) -> [String] {
    sentences.isEmpty ? [] : ["", "# NOT RECORDED:"] + sentences.map { "#   \($0)" }
  }
}
