/// A report's bytes on their way out: they are collected, and handed on in pieces that are worth a write.
package struct ByteOutput: ~Copyable {
  private static let pieceSize = 1 << 16

  private var piece: [UInt8] = []
  /// What gets each piece; nil where all is collected.
  private let handOver: (([UInt8]) -> Void)?

  /// `handOver` gets each piece, in order; a piece is never empty.
  package init(_ handOver: @escaping ([UInt8]) -> Void) {
    self.handOver = handOver
    piece.reserveCapacity(Self.pieceSize)
  }

  private init() { handOver = nil }

  /// All bytes that `body` writes.
  package static func bytes(_ body: (inout ByteOutput) -> Void) -> [UInt8] {
    var output = ByteOutput()
    body(&output)
    return output.piece
  }

  /// Hands on what is collected, so that a reader sees it.
  package mutating func handOn() {
    guard let handOver, !piece.isEmpty else { return }
    handOver(piece)
    piece.removeAll(keepingCapacity: true)
  }

  /// Hands on what is collected if that is worth a write. A renderer calls it wherever a report may get long.
  mutating func handOnIfLong() {
    if piece.count >= Self.pieceSize { handOn() }
  }

  mutating func append(_ byte: UInt8) { piece.append(byte) }

  package mutating func append(_ bytes: [UInt8]) { piece += bytes }

  mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { piece.append(contentsOf: $0) }
  }

  /// The decimal digits of a number.
  mutating func append(decimal number: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var first = 20
    var rest = number
    repeat {
      first -= 1
      digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    for index in first..<20 { piece.append(digits[index]) }
  }

  /// A line of text.
  mutating func line(_ text: String) {
    append(text)
    piece.append(UInt8(ascii: "\n"))
    handOnIfLong()
  }
}
