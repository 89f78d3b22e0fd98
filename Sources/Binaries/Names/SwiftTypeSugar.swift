/// `[A : B]` for `Swift.Dictionary<A, B>`: `swift demangle` prints types so, the run-time library does not.
enum SwiftTypeSugar {
  private enum Bracket {
    case plain
    case array
    case dictionary
    case optional
  }

  private static let sugared: [(name: [UInt8], bracket: Bracket)] = [
    (Array("Swift.Array<".utf8), .array), (Array("Swift.Dictionary<".utf8), .dictionary),
    (Array("Swift.Optional<".utf8), .optional),
  ]

  static func apply(to text: String) -> String {
    let text = Array(text.utf8)
    var output: [UInt8] = []
    var open: [Bracket] = []
    var index = 0
    while index < text.count {
      if text[index] == UInt8(ascii: "S"), let type = sugared.first(where: { text[index...].starts(with: $0.name) }) {
        open.append(type.bracket)
        if type.bracket != .optional { output.append(UInt8(ascii: "[")) }
        index += type.name.count
        continue
      }
      switch text[index] {
      case UInt8(ascii: "("), UInt8(ascii: "<"):
        open.append(.plain)
        output.append(text[index])
      case UInt8(ascii: ","):
        if open.last == .dictionary { output.append(UInt8(ascii: " ")) }
        output.append(open.last == .dictionary ? UInt8(ascii: ":") : text[index])
      case UInt8(ascii: ")"), UInt8(ascii: ">"):
        let isArrow = text[index] == UInt8(ascii: ">") && output.last == UInt8(ascii: "-")
        switch isArrow ? .plain : open.popLast() {
        case .array, .dictionary: output.append(UInt8(ascii: "]"))
        case .optional: output.append(UInt8(ascii: "?"))
        case .plain, nil: output.append(text[index])
        }
      default: output.append(text[index])
      }
      index += 1
    }
    return String(decoding: output, as: UTF8.self)
  }
}
