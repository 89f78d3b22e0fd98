internal import Glibc

/// Finds the names most like one that does not exist.
///
/// First all names by the pairs of letters that they share, which one pass over the bytes tells; then the best of those
/// by edit distance, in the form that people write.
struct NearestNames {
  private static let kept = 64
  private static let results = 3
  /// The most bytes of a name that are compared.
  private static let lengthLimit = 512

  private let query: FunctionQuery
  /// The query's identifiers, lower case: what a mangled name shares with it.
  private let letters: [UInt8]
  /// The lower five bits of the query's letters, as a set: bit N is set if some letter has them.
  private let letterSet: UInt32
  /// The number of each pair of bytes among the query's pairs, from 1; 0 if the query does not have it.
  private let pairs: [UInt8]
  private let pairCount: Int
  private var isBare: Bool { !query.text.contains(":") && !query.text.contains(".") }

  init(to query: FunctionQuery) {
    self.query = query
    letters = Array(FunctionQuery.identifiers(in: query.text).joined().lowercased().utf8.prefix(256))
    letterSet = letters.reduce(0) { $0 | 1 << UInt32($1 & 31) }
    var pairs = [UInt8](repeating: 0, count: 1 << 16)
    var count = 0
    for (first, second) in zip(letters, letters.dropFirst()) where count < 64 {
      let pair = Int(first) << 8 | Int(second)
      guard pairs[pair] == 0 else { continue }
      count += 1
      pairs[pair] = UInt8(count)
    }
    self.pairs = pairs
    pairCount = count
  }

  /// The nearest functions' names, demangled where that is possible.
  func search(_ table: borrowing FunctionTable) -> [String] {
    guard pairCount > 0 else { return [] }
    var nearest: [(distance: Int, text: String)] = []
    for number in candidates(in: table) {
      let function = table.function(number)
      let name = DemangledName(of: function.name)
      let text = name?.full ?? function.name
      guard !nearest.contains(where: { $0.text == text }) else { continue }
      let forms = [function.name, text, name?.simplified].compactMap { $0 } + (name?.bases ?? [])
      // Who gives a bare name means a function of any class or module.
      let bare = isBare ? (name?.bases ?? []).compactMap { $0.split { $0 == ":" || $0 == "." }.last } : []
      let distance = (forms + bare.map(String.init)).map { self.distance(to: $0) }.min() ?? Int.max
      // What shares less than half of its letters is no help.
      if distance <= max(4, query.text.utf8.count) { nearest.append((distance, text)) }
    }
    nearest.sort { ($0.distance, $0.text.utf8.count, $0.text) < ($1.distance, $1.text.utf8.count, $1.text) }
    return nearest.prefix(Self.results).map(\.text)
  }

  /// The numbers of the functions that share most pairs with the query, and have least besides.
  private func candidates(in table: borrowing FunctionTable) -> [Int] {
    var best: [(score: Int, number: Int)] = []
    var worst = Int.min
    var budget = ScanBudget()
    pairs.withUnsafeBufferPointer { pairs in
      table.forEachName { number, name in
        guard budget.take(name) else { return false }
        guard let score = score(name, pairs), score > worst else { return true }
        best.append((score, number))
        if best.count >= 4 * Self.kept {
          best.sort { $0.score > $1.score }
          best.removeLast(best.count - Self.kept)
          worst = best.last?.score ?? worst
        }
        return true
      }
    }
    best.sort { $0.score > $1.score }
    return best.prefix(Self.kept).map(\.number)
  }

  private func score(_ name: UnsafePointer<CChar>, _ pairs: UnsafeBufferPointer<UInt8>) -> Int? {
    var seen: UInt64 = 0
    var found: UInt32 = 0
    var (length, previous) = (0, 0)
    while length < Self.lengthLimit {
      var byte = Int(UInt8(bitPattern: name[length]))
      guard byte != 0 else { break }
      if byte >= 0x41, byte <= 0x5A { byte += 0x20 }
      let pair = pairs[previous << 8 | byte]
      if pair != 0 { seen |= 1 << UInt64(pair - 1) }
      found |= 1 << UInt32(byte & 31)
      previous = byte
      length += 1
    }
    let shared = seen.nonzeroBitCount
    let difference = abs(length - letters.count)
    // Two letters that changed places leave a short name no pair of its own.
    let isSimilar = difference <= 2 && (found ^ letterSet).nonzeroBitCount <= 2
    guard isSimilar || shared * 2 >= pairCount else { return nil }
    // A letter too many or too few weighs less than a pair that is missing.
    return shared * 16 - min(difference, 256) + (isSimilar ? pairCount * 8 : 0)
  }

  /// Twice the edit distance, upper and lower case alike; a name that contains the query, or begins with it, is nearer.
  private func distance(to name: String) -> Int {
    let wanted = Array(query.text.lowercased().utf8.prefix(256))
    let found = Array(name.lowercased().utf8.prefix(256))
    let distance = 2 * Self.editDistance(wanted, found)
    let isCovered = found.starts(with: wanted) || wanted.starts(with: found)
    if isCovered { return min(distance, 2 + found.count / 16) }
    if name.lowercased().contains(query.text.lowercased()) { return min(distance, 3 + found.count / 8) }
    return distance
  }

  /// How many insertions, deletions and replacements make one text of the other.
  static func editDistance(_ first: [UInt8], _ second: [UInt8]) -> Int {
    var row = Array(0...second.count)
    for (index, byte) in first.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in second.indices {
        let replaced = diagonal + (second[column] == byte ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
      }
    }
    return row[second.count]
  }
}
