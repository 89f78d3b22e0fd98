@testable import Binaries
@testable import Unwinder

/// A row in readelf's words.
struct RowText {
  /// readelf's names of the columns, by DWARF number.
  let names: [String]

  static let x86 = RowText(names: [
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "ra",
  ])
  /// The return address's column is x30's.
  static let arm64 = RowText(names: (0..<30).map { "x\($0)" } + ["ra", "sp"])

  func matches(_ row: CFIRow, _ oracle: [String]) -> Bool {
    guard let start = UInt64(oracle[0], radix: 16), let end = UInt64(oracle[1], radix: 16) else { return false }
    guard row.code == start..<end, row.isSignalFrame == (oracle[2] == "1") else { return false }
    var expected: [String: String] = [:]
    for field in oracle[3...] {
      let parts = field.split(separator: "=")
      guard parts.count == 2 else { return false }
      expected[String(parts[0])] = String(parts[1])
    }
    guard expected["CFA"] == cfa(row.cfa) else { return false }
    // What readelf has no column for is nowhere spoken of; a column without a rule says "u".
    return names.enumerated().allSatisfy { number, name in
      rule(row.registers[number]) == expected[name] ?? "u"
    }
  }

  private func signed(_ value: Int64) -> String { value < 0 ? "\(value)" : "+\(value)" }

  private func cfa(_ rule: CFARule) -> String {
    switch rule {
    case .undefined: "?"
    case .registerOffset(let register, let offset): names[Int(register)] + signed(offset)
    case .expression: "exp"
    }
  }

  private func rule(_ rule: RegisterRule) -> String {
    switch rule {
    case .unspecified, .undefined: "u"
    case .sameValue: "s"
    case .offset(let offset): "c" + signed(offset)
    case .valueOffset(let offset): "v" + signed(offset)
    case .register(let other): "r\(other)"
    case .expression: "exp"
    case .valueExpression: "vexp"
    }
  }
}
