import Testing
import TraceModel

/// The one way in which bytes are read that somebody else wrote.
struct ByteCursorTests {
  private func read<Result>(_ bytes: [UInt8], _ body: (inout ByteCursor) -> Result) -> Result {
    bytes.withUnsafeBytes {
      var cursor = ByteCursor($0)
      return body(&cursor)
    }
  }

  @Test func numbersAreReadInOrderUpToTheEnd() {
    read([1, 2, 0, 0xFF, 0xFF]) { cursor in
      #expect(cursor.next(UInt8.self) == 1 && cursor.next(UInt16.self) == 2 && cursor.offset == 3)
      // What does not lie within is not read, nor stepped over.
      #expect(cursor.next(UInt32.self) == nil && cursor.offset == 3)
      #expect(cursor.next(Int16.self) == -1 && cursor.isAtEnd && cursor.next(UInt8.self) == nil)
    }
    #expect(ByteCursor().isAtEnd)
  }

  @Test(
    arguments: [
      ([0x02], 2, 2), ([0x7F], 127, -1), ([0x80, 0x01], 128, 128), ([0xFF, 0x7E], 0x3F7F, -129),
      ([0x80, 0x80, 0x00], 0, 0), ([UInt8](repeating: 0xFF, count: 9) + [0x01], .max, -1),
    ] as [([UInt8], UInt64, Int64)])
  func numbersOfSevenBitsAByte(bytes: [UInt8], unsigned: UInt64, signed: Int64) {
    #expect(read(bytes) { $0.unsignedLEB(limit: 10) } == unsigned)
    #expect(read(bytes) { $0.signedLEB(limit: 10) } == signed)
    #expect(read(Array(bytes.dropLast())) { $0.unsignedLEB(limit: 10) } == nil)
  }

  @Test func aNumberIsNoLongerThanItMayBe() {
    let padded = [UInt8](repeating: 0x80, count: 11) + [0]
    #expect(read(padded) { $0.unsignedLEB(limit: 10) } == nil)
    #expect(read(padded) { $0.unsignedLEB(limit: 12) } == 0)
  }

  @Test func blocksAndTextsEndWithin() {
    read(Array("ab\0cd".utf8)) { cursor in
      #expect(cursor.string(limit: 1) == nil && cursor.string(limit: 2) == 0..<2 && cursor.offset == 3)
      #expect(cursor.string(limit: .max) == nil)
      #expect(
        cursor.block(3) == nil && cursor.block(.max) == nil && cursor.block(2) == 3..<5 && cursor.block(0) == 5..<5)
    }
  }

  @Test func aPartHasThePlacesOfTheWhole() {
    read([0, 1, 2, 3]) { cursor in
      var part = cursor.part(from: 1, to: 3)
      #expect(part?.next(UInt8.self) == 1 && part?.offset == 2 && part?.end == 3)
      #expect(part?.next(UInt16.self) == nil)
      #expect(cursor.part(from: 3, to: 2) == nil && cursor.part(from: 5) == nil && cursor.part(from: .max) == nil)
      #expect(!cursor.move(to: 5) && !cursor.move(to: -1) && cursor.move(to: 4) && cursor.isAtEnd)
    }
  }
}
