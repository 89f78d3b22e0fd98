import Testing
import TraceModel

@testable import Unwinder

/// DWARF expressions: what each operation gives, and that hostile ones end.
struct ExpressionTests {
  static let stack: UInt64 = 0x1000

  private func evaluate(_ bytes: [UInt8], initial: UInt64? = nil, operations: Int = 1 << 18) -> Result<UInt64, CFIError>
  {
    var operations = operations
    let words: [UInt64] = [0x1122_3344_5566_7788, 0xFFFF_FFFF_FFFF_FF80]
    var registers = [UInt64](repeating: 0, count: CFIRow.columns)
    registers[7] = Self.stack
    registers[31] = 31
    registers[32] = 32
    return registers.withUnsafeBufferPointer { registers in
      words.withUnsafeBytes { words in
        guard let base = registers.baseAddress else { return .failure(.truncated) }
        let context = Expression.Context(
          registers: base, known: 1 << 7 | 1 << 31 | 1 << 32, stack: StackBytes(start: Self.stack, bytes: words),
          bias: 0x10_0000)
        do throws(CFIError) {
          return .success(
            try Expression.evaluate(
              SectionBytes(bytes), 0..<bytes.count, initial: initial, context, operations: &operations))
        } catch {
          return .failure(error)
        }
      }
    }
  }

  static let minusOne: [UInt8] = [0x09, 0xFF]

  static let results: [(name: String, bytes: [UInt8], result: UInt64)] = [
    ("addr", [0x03, 1, 2, 0, 0, 0, 0, 0, 0], 0x10_0201),
    ("deref", [0x77, 0, 0x06], 0x1122_3344_5566_7788),
    ("const1u", [0x08, 0xFF], 255),
    ("const1s", [0x09, 0xFF], .max),
    ("const2u", [0x0A, 0xFE, 0xFF], 0xFFFE),
    ("const2s", [0x0B, 0xFE, 0xFF], .max - 1),
    ("const4u", [0x0C, 0xFE, 0xFF, 0xFF, 0xFF], 0xFFFF_FFFE),
    ("const4s", [0x0D, 0xFE, 0xFF, 0xFF, 0xFF], .max - 1),
    ("const8u", [0x0E, 1, 0, 0, 0, 0, 0, 0, 0x80], 0x8000_0000_0000_0001),
    ("const8s", [0x0F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .max),
    ("constu", [0x10, 0x80, 0x01], 128),
    ("constu, padded", [0x10, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 1),
    ("consts", [0x11, 0x7F], .max),
    ("dup", [0x33, 0x12, 0x22], 6),
    ("drop", [0x33, 0x34, 0x13], 3),
    ("over", [0x33, 0x34, 0x14, 0x22, 0x1C], 3 &- 7),
    ("pick 2", [0x33, 0x34, 0x35, 0x15, 2], 3),
    ("swap", [0x33, 0x34, 0x16, 0x1C], 1),
    // 1 2 3: the top goes below the two others, 3 1 2; then 1 - 2, then 3 - -1.
    ("rot", [0x31, 0x32, 0x33, 0x17, 0x1C, 0x1C], 4),
    ("abs", minusOne + [0x19], 1),
    ("and", [0x36, 0x33, 0x1A], 2),
    ("div is signed", [0x09, 0xF8, 0x32, 0x1B], UInt64(bitPattern: -4)),
    ("minus", [0x31, 0x33, 0x1C], UInt64(bitPattern: -2)),
    ("mod is unsigned", minusOne + [0x3A, 0x1D], UInt64.max % 10),
    ("mul wraps", minusOne + [0x32, 0x1E], UInt64(bitPattern: -2)),
    ("neg", [0x31, 0x1F], .max),
    ("not", [0x30, 0x20], .max),
    ("or", [0x36, 0x31, 0x21], 7),
    ("plus wraps", minusOne + [0x33, 0x22], 2),
    ("plus_uconst", [0x33, 0x23, 0x80, 0x01], 131),
    ("shl", [0x31, 0x34, 0x24], 16),
    ("shl by 64", [0x31, 0x08, 64, 0x24], 0),
    ("shr is unsigned", minusOne + [0x08, 60, 0x25], 15),
    ("shra is signed", [0x09, 0xF0, 0x32, 0x26], UInt64(bitPattern: -4)),
    ("shra by a huge number", minusOne + minusOne + [0x26], .max),
    ("xor", [0x36, 0x33, 0x27], 5),
    ("eq", [0x33, 0x33, 0x29], 1), ("ne", [0x33, 0x33, 0x2E], 0),
    ("ge is signed", [0x30] + minusOne + [0x2A], 1), ("gt", [0x31, 0x31, 0x2B], 0),
    ("le", minusOne + [0x30, 0x2C], 1), ("lt", minusOne + [0x30, 0x2D], 1),
    ("bra taken", [0x31, 0x31, 0x28, 1, 0, 0x32], 1),
    ("bra not taken", [0x31, 0x30, 0x28, 1, 0, 0x32], 2),
    ("skip to the end", [0x35, 0x2F, 1, 0, 0x36], 5),
    ("nop", [0x35, 0x96], 5),
    ("lit31", [0x4F], 31),
    ("breg31", [0x8F, 1], 32),
    ("bregx 32", [0x92, 32, 0x7F], 31),
    ("deref_size 1", [0x77, 8, 0x94, 1], 0x80),
    ("deref_size 2", [0x77, 0, 0x94, 2], 0x7788),
    ("deref_size 4", [0x77, 4, 0x94, 4], 0x1122_3344),
    ("deref_size 8", [0x77, 0, 0x94, 8], 0x1122_3344_5566_7788),
  ]

  @Test("Each operation gives what DWARF says", arguments: results)
  func operation(name: String, bytes: [UInt8], result: UInt64) {
    #expect(evaluate(bytes) == .success(result), "\(name)")
  }

  @Test func theCanonicalFrameAddressIsOnTheStack() {
    #expect(evaluate([0x38, 0x22], initial: 100) == .success(108))
  }

  static let failures: [(name: String, bytes: [UInt8], error: CFIError)] = [
    ("nothing", [], .malformed),
    ("division by zero", [0x31, 0x30, 0x1B], .malformed),
    ("remainder by zero", [0x31, 0x30, 0x1D], .malformed),
    ("an empty stack", [0x22], .malformed),
    ("one word for two", [0x31, 0x22], .malformed),
    ("pick beyond the stack", [0x31, 0x15, 9], .malformed),
    ("over with one word", [0x31, 0x14], .malformed),
    ("an unknown register", [0x70, 0], .malformed),
    ("a register beyond the columns", [0x92, 33, 0], .malformed),
    ("a register beyond 64", [0x92, 0xFF, 0xFF, 0x7F, 0], .malformed),
    ("an operation that is cut off", [0x0E, 1, 2], .truncated),
    ("a number without an end", [0x10] + [UInt8](repeating: 0x80, count: 64) + [0], .malformed),
    ("a jump before the beginning", [0x2F, 0xFC, 0xFF], .malformed),
    ("a jump behind the end", [0x31, 0x2F, 1, 0], .malformed),
    ("an endless loop", [0x2F, 0xFD, 0xFF], .limitReached),
    ("an endless loop that pushes", [0x31, 0x2F, 0xFC, 0xFF], .limitReached),
    ("65 words", [UInt8](repeating: 0x31, count: 65), .limitReached),
    ("a load below the stack", [0x77, 0x78, 0x06], .malformed),
    ("a load beyond the copy of the stack", [0x77, 0x10, 0x06], .truncated),
    ("a load across its end", [0x77, 0x09, 0x06], .truncated),
    ("a load of 3 bytes", [0x77, 0, 0x94, 3], .unsupported),
    ("a load of 255 bytes", [0x77, 0, 0x94, 255], .unsupported),
    ("an operation of location descriptions", [0x50], .unsupported),
    ("call_frame_cfa, which would be itself", [0x9C], .unsupported),
  ]

  @Test("What has no result says why, and ends", arguments: failures)
  func failure(name: String, bytes: [UInt8], error: CFIError) {
    #expect(evaluate(bytes) == .failure(error), "\(name)")
  }

  @Test func noMoreOperationsThanAreLeft() {
    #expect(evaluate([0x31, 0x32, 0x22], operations: 3) == .success(3))
    #expect(evaluate([0x31, 0x32, 0x22], operations: 2) == .failure(.limitReached))
    #expect(evaluate([0x31], operations: 0) == .failure(.limitReached))
  }

  @Test func theLeastNumberByMinusOneWraps() {
    let least: [UInt8] = [0x0E, 0, 0, 0, 0, 0, 0, 0, 0x80]
    #expect(evaluate(least + Self.minusOne + [0x1B]) == .success(1 << 63))
    #expect(evaluate(least + [0x19]) == .success(1 << 63))
  }
}
