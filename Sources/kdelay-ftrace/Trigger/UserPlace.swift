/// A place in user code as it is written, `[FILE:]WHAT`: names of files and functions may both have colons, so that only a look
/// at the target's files tells where the one ends.
struct UserPlace<What: Equatable>: Equatable {
  /// One way to read a written place.
  struct Reading: Equatable {
    /// A path, or a mapped file's name; nil for the program and its libraries.
    var file: String?
    var what: What
  }

  /// The ways to read the place, never none: those with longer file names first, the one without a file last.
  var readings: [Reading]

  /// A place in a file that is named for sure, or in none.
  init(file: String?, _ what: What) { readings = [Reading(file: file, what: what)] }

  /// `parse` reads what is behind the file; nil where that is nothing that can be there. Where it throws, the text has no
  /// such reading; why is thrown if it has no other one.
  init?(_ text: Substring, parse: (Substring) throws(TriggerSpec.Failure) -> What?) throws(TriggerSpec.Failure) {
    readings = []
    var failure: TriggerSpec.Failure?
    func reading(_ file: String?, _ rest: Substring) -> Reading? {
      do { return try parse(rest).map { Reading(file: file, what: $0) } } catch {
        failure = failure ?? error
        return nil
      }
    }
    var end = text.endIndex
    while let colon = text[..<end].lastIndex(of: ":") {
      end = colon
      let file = text[..<colon]
      let rest = text[text.index(after: colon)...]
      // Two colons are C++'s: no file's name is known to end, and no function's to begin, with one.
      guard !file.isEmpty, !file.hasSuffix(":"), !rest.hasPrefix(":"), let found = reading(String(file), rest) else {
        continue
      }
      readings.append(found)
    }
    // A path begins with a slash, and no function does.
    if !text.hasPrefix("/"), let found = reading(nil, text) { readings.append(found) }
    guard readings.isEmpty else { return }
    if let failure { throw failure }
    return nil
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
