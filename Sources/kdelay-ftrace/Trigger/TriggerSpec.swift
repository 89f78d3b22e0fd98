/// A trigger as it is written on the command line.
enum TriggerSpec: Equatable {
  /// A tracepoint, written `t|trace:SYSTEM:EVENT[ if FILTER]`.
  case tracepoint(system: String, event: String, filter: String?)
  /// A kernel function, written `k|kprobe:FUNCTION[+OFFSET]`, or its return, written `kr|kretprobe:FUNCTION`.
  case kernelFunction(String, isReturn: Bool)
  /// A user function, written `up|uprobe:[FILE:]SYMBOL[+OFFSET]`, or its return, written `ur|upr|uretprobe:[FILE:]SYMBOL`.
  case userFunction(UserPlace<UserFunction>, isReturn: Bool)
  /// A USDT probe, written `u|usdt:[FILE:]PROVIDER:PROBE`.
  case usdt(UserPlace<USDTName>)

  /// Why a text is no trigger.
  struct Failure: Error, Equatable {
    var reason: String
  }

  static func parse(_ text: String) throws(Failure) -> TriggerSpec {
    guard let colon = text.firstIndex(of: ":") else {
      throw Failure(reason: "it has no kind; \(kinds)")
    }
    let rest = text[text.index(after: colon)...]
    switch text[..<colon] {
    case "t", "trace": return try tracepoint(rest)
    case "k", "kprobe": return try kernelFunction(rest, isReturn: false)
    case "kr", "kretprobe": return try kernelFunction(rest, isReturn: true)
    case "up", "uprobe": return try userFunction(rest, isReturn: false)
    case "ur", "upr", "uretprobe": return try userFunction(rest, isReturn: true)
    case "u", "usdt": return try usdt(rest)
    default: throw Failure(reason: "'\(text[..<colon])' is no kind of trigger; \(kinds)")
    }
  }

  private static let kinds =
    "it begins with t: (tracepoint), k: or kr: (kernel function or its return), up: or ur: (user function or its return), or u: (USDT)"

  private static func tracepoint(_ text: Substring) throws(Failure) -> TriggerSpec {
    let failure = Failure(reason: "a tracepoint is written t:SYSTEM:EVENT, or 't:SYSTEM:EVENT if FILTER'")
    let condition = text.firstRange(of: " if ")
    let name = text[..<(condition?.lowerBound ?? text.endIndex)].split(separator: ":", omittingEmptySubsequences: false)
    guard name.count == 2, name.allSatisfy(isIdentifier) else { throw failure }
    let filter = condition.map { String(text[$0.upperBound...]) }
    guard filter != "" else { throw failure }
    return .tracepoint(system: String(name[0]), event: String(name[1]), filter: filter)
  }

  private static func kernelFunction(_ text: Substring, isReturn: Bool) throws(Failure) -> TriggerSpec {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let function = parts.last ?? ""
    let (name, offset) = try split(function)
    guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }), isIdentifier(name),
      parts.count == 1 || isIdentifier(parts[0])
    else {
      throw Failure(
        reason: isReturn
          ? "a kernel function's return is written kr:[MODULE:]FUNCTION"
          : "a kernel function is written k:[MODULE:]FUNCTION or k:[MODULE:]FUNCTION+OFFSET")
    }
    guard !isReturn || offset == 0 else { throw Failure(reason: "a return has no offset") }
    return .kernelFunction(String(text), isReturn: isReturn)
  }

  private static func userFunction(_ text: Substring, isReturn: Bool) throws(Failure) -> TriggerSpec {
    let place = try UserPlace<UserFunction>(text) { text throws(Failure) in
      let (symbol, offset) = try split(text)
      guard !isReturn || offset == 0 else { throw Failure(reason: "a return has no offset") }
      return symbol.isEmpty ? nil : UserFunction(symbol: String(symbol), offset: offset)
    }
    guard let place else {
      throw Failure(
        reason: isReturn
          ? "a function's return is written ur:SYMBOL or ur:PATH:SYMBOL"
          : "a function is written up:SYMBOL, up:SYMBOL+OFFSET, up:PATH:SYMBOL or up:PATH:SYMBOL+OFFSET")
    }
    return .userFunction(place, isReturn: isReturn)
  }

  private static func usdt(_ text: Substring) throws(Failure) -> TriggerSpec {
    let place = try UserPlace<USDTName>(text) { text throws(Failure) in
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
      return USDTName(provider: String(parts[0]), probe: String(parts[1]))
    }
    guard let place else {
      throw Failure(reason: "a USDT probe is written u:PROVIDER:PROBE or u:PATH:PROVIDER:PROBE")
    }
    return .usdt(place)
  }

  /// Splits `+OFFSET` off, which is decimal or 0x…; other pluses belong to the name, as in `operator+`.
  private static func split(_ text: Substring) throws(Failure) -> (name: Substring, offset: UInt64) {
    guard let plus = text.lastIndex(of: "+") else { return (text, 0) }
    let digits = text[text.index(after: plus)...]
    guard digits.first?.isNumber == true else { return (text, 0) }
    guard let offset = digits.hasPrefix("0x") ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits) else {
      throw Failure(reason: "'\(digits)' is no offset: write it in decimal, or in hexadecimal with 0x")
    }
    return (text[..<plus], offset)
  }

  /// Whether the kernel takes a text for a name. Anything else could be read as more than one.
  private static func isIdentifier(_ text: some StringProtocol) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "$"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}
