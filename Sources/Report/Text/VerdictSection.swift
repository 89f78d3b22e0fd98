/// The first lines of a report: the verdict.
enum VerdictSection {
  static func lines(_ verdict: Verdict) -> [String] {
    verdict.sentences.enumerated().map { position, sentence in
      let amount =
        sentence.share.map { "\(Columns.right($0, 6))  \(Columns.right(sentence.time ?? "", 8))  " } ?? "  "
      return position == 0 ? "# VERDICT: \(sentence.text)" : "# \(amount)\(sentence.text)"
    }
  }
}
