/// A place in user code as it is written, `[FILE:]WHAT`: names of files and functions may both have colons, so that only a look
/// at the target's files tells where the one ends.
struct UserPlace<What: Equatable>: Equatable {
  /// One way to read it.
  struct Reading: Equatable {
    /// A path, or a mapped file's name; nil: the program and its libraries.
    var file: String?
    var what: What
  }

  /// The longest file names first; the one without a file, if there is any, last. Never empty.
  var readings: [Reading]

  /// A place in a file that is named for sure, or in none.
  init(file: String?, _ what: What) { readings = [Reading(file: file, what: what)] }

  /// `parse` reads what is behind the file; nil where that is nothing that can be there.
  init?(_ text: Substring, parse: (Substring) throws(TriggerSpec.Failure) -> What?) throws(TriggerSpec.Failure) {
    readings = []
    var end = text.endIndex
    while let colon = text[..<end].lastIndex(of: ":") {
      end = colon
      let file = text[..<colon]
      let rest = text[text.index(after: colon)...]
      // Two colons are C++'s: no file's name is known to end, and no function's to begin, with one.
      guard !file.isEmpty, !file.hasSuffix(":"), !rest.hasPrefix(":"), let what = try parse(rest) else { continue }
      readings.append(Reading(file: String(file), what: what))
    }
    // A path begins with a slash, and no function does.
    if !text.hasPrefix("/"), let what = try parse(text) { readings.append(Reading(file: nil, what: what)) }
    if readings.isEmpty { return nil }
  }
}

/// A function as it is written, `SYMBOL[+OFFSET]`.
struct UserFunction: Equatable {
  var symbol: String
  var offset: UInt64 = 0
}

/// A USDT probe as it is written, `PROVIDER:PROBE`.
struct USDTName: Equatable {
  var provider: String
  var probe: String
}
