/// Rust's own mangling ("v0", RFC 2603), `_R…`: as rustc and c++filt print it, without crates' hashes.
///
/// Own code, because no library that is loaded anyway reads these names: libiberty's `rust_demangle` comes as a static archive in a
/// package that nothing else here needs, and rustc-demangle takes Rust's compiler to build. C++ and Swift names go through the
/// languages' own run-time libraries (`Demangler`).
///
/// Names are untrusted: back references lead backwards only, and depth and output are bounded.
struct RustName {
  private static let depthLimit = 200
  private static let outputLimit = 1 << 14

  private struct Malformed: Error {}

  let text: [UInt8]
  var index = 0
  var depth = 0
  var lifetimes: UInt64 = 0
  /// What is read is not shown: the path of an `impl`.
  var isSilent = false
  private(set) var output: [UInt8] = []

  /// The name as the source has it; nil if it is no such name.
  static func demangle(_ name: String) -> String? {
    guard name.utf8.starts(with: "_R".utf8) else { return nil }
    // LLVM adds suffixes; without them the name is of letters, digits and underscores.
    let mangled = name.utf8.dropFirst(2).prefix { $0 != UInt8(ascii: ".") }
    guard let first = mangled.first, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) else { return nil }
    var reader = RustName(text: Array(mangled))
    do {
      try reader.path(isValue: true)
      return String(decoding: reader.output, as: UTF8.self)
    } catch {
      return nil
    }
  }

  private init(text: [UInt8]) { self.text = text }

  /// The next byte.
  mutating func next() throws -> UInt8 {
    guard index < text.count else { throw Malformed() }
    index += 1
    return text[index - 1]
  }

  /// Reads `byte` if it is next.
  mutating func take(_ byte: Unicode.Scalar) -> Bool {
    guard index < text.count, text[index] == UInt8(ascii: byte) else { return false }
    index += 1
    return true
  }

  mutating func fail() throws -> Never { throw Malformed() }

  mutating func print(_ text: some StringProtocol) throws {
    guard !isSilent else { return }
    guard output.count + text.utf8.count <= Self.outputLimit else { throw Malformed() }
    output.append(contentsOf: text.utf8)
  }

  /// Digits of base 62 up to `_`; none mean 0.
  mutating func base62() throws -> UInt64 {
    if take("_") { return 0 }
    var value: UInt64 = 0
    while true {
      let digit: UInt8
      switch try next() {
      case let byte where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte): digit = byte - UInt8(ascii: "0")
      case let byte where (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte): digit = byte - UInt8(ascii: "a") + 10
      case let byte where (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte): digit = byte - UInt8(ascii: "A") + 36
      case UInt8(ascii: "_"): return value + 1
      default: throw Malformed()
      }
      let (product, isTooLarge) = value.multipliedReportingOverflow(by: 62)
      guard !isTooLarge, product < .max - 62 else { throw Malformed() }
      value = product + UInt64(digit)
    }
  }

  mutating func optionalBase62(after tag: Unicode.Scalar) throws -> UInt64 {
    guard take(tag) else { return 0 }
    let value = try base62()
    guard value < .max else { throw Malformed() }
    return value + 1
  }

  /// An identifier without its disambiguator; empty for one that the source does not name.
  mutating func identifier() throws -> String {
    let isPunycode = take("u")
    var count = 0
    let first = try next()
    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { throw Malformed() }
    count = Int(first - UInt8(ascii: "0"))
    // A leading 0 is the whole number.
    while count > 0, index < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index]) {
      count = count * 10 + Int(text[index] - UInt8(ascii: "0"))
      index += 1
      guard count <= text.count else { throw Malformed() }
    }
    // Keeps an identifier that begins with a digit or an underscore apart.
    _ = take("_")
    guard count <= text.count - index else { throw Malformed() }
    let bytes = text[index..<index + count]
    index += count
    guard isPunycode else { return String(decoding: bytes, as: UTF8.self) }
    guard let decoded = Punycode.decode(bytes) else { throw Malformed() }
    return decoded
  }

  /// One level deeper.
  mutating func nested(_ body: (inout RustName) throws -> Void) throws {
    guard depth < Self.depthLimit else { throw Malformed() }
    depth += 1
    defer { depth -= 1 }
    try body(&self)
  }

  /// Reads again what an earlier place holds.
  mutating func backReference(_ body: (inout RustName) throws -> Void) throws {
    let start = index - 1
    let target = try base62()
    guard target < UInt64(start) else { throw Malformed() }
    // What is not shown need not be read.
    guard !isSilent else { return }
    let back = index
    index = Int(target)
    try nested(body)
    index = back
  }

  /// Items up to `E`, with separators; their number.
  @discardableResult
  mutating func list(separator: String, _ item: (inout RustName) throws -> Void) throws -> Int {
    var count = 0
    while !take("E") {
      if count > 0 { try print(separator) }
      try item(&self)
      count += 1
    }
    return count
  }
}
