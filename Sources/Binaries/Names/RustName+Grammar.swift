extension RustName {
  /// `isValue`: generic arguments of a value's path follow `::`.
  mutating func path(isValue: Bool) throws {
    try nested { try $0.pathBody(isValue: isValue) }
  }

  private mutating func pathBody(isValue: Bool) throws {
    let tag = try next()
    switch tag {
    case UInt8(ascii: "C"):
      _ = try optionalBase62(after: "s")
      try print(try identifier())
    case UInt8(ascii: "N"): try nestedPath(isValue: isValue)
    case UInt8(ascii: "M"), UInt8(ascii: "X"), UInt8(ascii: "Y"):
      if tag != UInt8(ascii: "Y") {
        _ = try optionalBase62(after: "s")
        let wasSilent = isSilent
        isSilent = true
        try path(isValue: false)
        isSilent = wasSilent
      }
      try print("<")
      try type()
      if tag != UInt8(ascii: "M") {
        try print(" as ")
        try path(isValue: false)
      }
      try print(">")
    case UInt8(ascii: "I"):
      try path(isValue: isValue)
      try print(isValue ? "::<" : "<")
      try list(separator: ", ") { try $0.genericArgument() }
      try print(">")
    case UInt8(ascii: "B"): try backReference { try $0.path(isValue: isValue) }
    default: try fail()
    }
  }

  private mutating func nestedPath(isValue: Bool) throws {
    let namespace = try next()
    try path(isValue: isValue)
    let number = try optionalBase62(after: "s")
    let name = try identifier()
    switch namespace {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"):
      // What the compiler makes: closures and shims.
      let kind =
        switch namespace {
        case UInt8(ascii: "C"): "closure"
        case UInt8(ascii: "S"): "shim"
        default: String(Unicode.Scalar(namespace))
        }
      try print("::{\(kind)\(name.isEmpty ? "" : ":")\(name)#\(number)}")
    case UInt8(ascii: "a")...UInt8(ascii: "z"):
      if !name.isEmpty { try print("::\(name)") }
    default: try fail()
    }
  }

  private mutating func genericArgument() throws {
    if take("L") {
      try lifetime(try base62())
    } else if take("K") {
      try constant()
    } else {
      try type()
    }
  }

  /// Counted from the innermost `for<…>`; 0 is one that is not named.
  private mutating func lifetime(_ index: UInt64) throws {
    guard index > 0 else { return try print("'_") }
    guard index <= lifetimes else { try fail() }
    let place = lifetimes - index
    try print(place < 26 ? "'\(Unicode.Scalar(UInt8(ascii: "a") + UInt8(place)))" : "'_\(place)")
  }

  private static let basicTypes: [UInt8: String] = [
    UInt8(ascii: "a"): "i8", UInt8(ascii: "b"): "bool", UInt8(ascii: "c"): "char", UInt8(ascii: "d"): "f64",
    UInt8(ascii: "e"): "str", UInt8(ascii: "f"): "f32", UInt8(ascii: "h"): "u8", UInt8(ascii: "i"): "isize",
    UInt8(ascii: "j"): "usize", UInt8(ascii: "l"): "i32", UInt8(ascii: "m"): "u32", UInt8(ascii: "n"): "i128",
    UInt8(ascii: "o"): "u128", UInt8(ascii: "p"): "_", UInt8(ascii: "s"): "i16", UInt8(ascii: "t"): "u16",
    UInt8(ascii: "u"): "()", UInt8(ascii: "v"): "...", UInt8(ascii: "x"): "i64", UInt8(ascii: "y"): "u64",
    UInt8(ascii: "z"): "!",
  ]

  mutating func type() throws { try nested { try $0.typeBody() } }

  private mutating func typeBody() throws {
    let tag = try next()
    if let basic = Self.basicTypes[tag] { return try print(basic) }
    switch tag {
    case UInt8(ascii: "R"), UInt8(ascii: "Q"):
      try print("&")
      if take("L"), case let index = try base62(), index > 0 {
        try lifetime(index)
        try print(" ")
      }
      if tag == UInt8(ascii: "Q") { try print("mut ") }
      try type()
    case UInt8(ascii: "P"), UInt8(ascii: "O"):
      try print(tag == UInt8(ascii: "P") ? "*const " : "*mut ")
      try type()
    case UInt8(ascii: "A"), UInt8(ascii: "S"):
      try print("[")
      try type()
      if tag == UInt8(ascii: "A") {
        try print("; ")
        try constant()
      }
      try print("]")
    case UInt8(ascii: "T"):
      try print("(")
      try print(try list(separator: ", ") { try $0.type() } == 1 ? ",)" : ")")
    case UInt8(ascii: "F"): try withBinder { try $0.functionType() }
    case UInt8(ascii: "D"):
      try print("dyn ")
      try withBinder { try $0.list(separator: " + ") { try $0.dynamicTrait() } }
      guard take("L") else { try fail() }
      if case let index = try base62(), index > 0 {
        try print(" + ")
        try lifetime(index)
      }
    case UInt8(ascii: "B"): try backReference { try $0.type() }
    default:
      index -= 1
      try path(isValue: false)
    }
  }

  /// `for<'a, 'b> ` and what it is for.
  private mutating func withBinder(_ body: (inout RustName) throws -> Void) throws {
    let outer = lifetimes
    let count = try optionalBase62(after: "G")
    guard count <= 256 else { try fail() }
    if count > 0 {
      try print("for<")
      for number in 0..<count {
        if number > 0 { try print(", ") }
        lifetimes += 1
        try lifetime(1)
      }
      try print("> ")
    }
    try body(&self)
    lifetimes = outer
  }

  private mutating func functionType() throws {
    if take("U") { try print("unsafe ") }
    if take("K") {
      let name = take("C") ? "C" : try identifier()
      try print("extern \"\(name.split(separator: "_", omittingEmptySubsequences: false).joined(separator: "-"))\" ")
    }
    try print("fn(")
    try list(separator: ", ") { try $0.type() }
    try print(")")
    if !take("u") {
      try print(" -> ")
      try type()
    }
  }

  private mutating func dynamicTrait() throws {
    var isOpen = try traitPath()
    while take("p") {
      try print(isOpen ? ", " : "<")
      isOpen = true
      try print(try identifier())
      try print(" = ")
      try type()
    }
    if isOpen { try print(">") }
  }

  /// A trait's path; whether the `>` of its generic arguments is still to come, for associated types go before it.
  private mutating func traitPath() throws -> Bool {
    var isOpen = false
    if take("B") {
      try backReference { isOpen = try $0.traitPath() }
    } else if take("I") {
      try path(isValue: false)
      try print("<")
      try list(separator: ", ") { try $0.genericArgument() }
      isOpen = true
    } else {
      try path(isValue: false)
    }
    return isOpen
  }

  private mutating func constant() throws { try nested { try $0.constantBody() } }

  private mutating func constantBody() throws {
    switch try next() {
    case UInt8(ascii: "p"): try print("_")
    case UInt8(ascii: "B"): try backReference { try $0.constant() }
    case UInt8(ascii: "b"):
      switch try hexadecimal() {
      case "0": try print("false")
      case "1": try print("true")
      default: try fail()
      }
    case UInt8(ascii: "c"):
      guard let value = UInt32(try hexadecimal(), radix: 16), let scalar = Unicode.Scalar(value) else { try fail() }
      let isPlain = scalar.value > 0x20 && scalar.value < 0x7E && scalar != "'" && scalar != "\\"
      try print(isPlain ? "'\(scalar)'" : "'\\u{\(String(value, radix: 16))}'")
    case let tag where "hmtyojaslxni".utf8.contains(tag):
      if take("n") { try print("-") }
      let digits = try hexadecimal()
      try print(UInt64(digits, radix: 16).map { "\($0)" } ?? "0x\(digits)")
    default: try fail()
    }
  }

  /// Digits up to `_`.
  private mutating func hexadecimal() throws -> String {
    var digits = ""
    while !take("_") {
      let digit = Unicode.Scalar(try next())
      guard "0123456789abcdef".unicodeScalars.contains(digit) else { try fail() }
      digits.unicodeScalars.append(digit)
    }
    guard !digits.isEmpty else { try fail() }
    return digits
  }
}
