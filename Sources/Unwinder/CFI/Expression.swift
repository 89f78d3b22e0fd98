internal import TraceModel

/// Evaluates DWARF expressions of call frame information (DWARF 5, 2.5) on the target's registers and stack.
///
/// Bounded: a stack of 64 words and a thousand operations; a load outside of the copied stack has no result. Nothing is
/// allocated.
struct Expression {
  static let operationLimit = 1000
  static let stackLimit = 64

  /// What an expression may look at.
  struct Context {
    /// The values of the registers, by DWARF number; `known` says which are valid.
    let registers: UnsafePointer<UInt64>
    let known: UInt64
    let stack: StackBytes
    /// What the image was moved by: DW_OP_addr is an address in the image.
    let bias: UInt64
  }

  private let context: Context
  private let words: UnsafeMutablePointer<UInt64>
  private var depth = 0
  private var operations = 0

  /// The value that the bytes in `range` compute, with `initial` on the stack. What is done is taken from `operations`,
  /// and no more than that is.
  static func evaluate(
    _ data: SectionBytes, _ range: Range<Int>, initial: UInt64?, _ context: Context, operations: inout Int
  ) throws(CFIError) -> UInt64 {
    // The closure cannot carry a typed error.
    let result = withUnsafeTemporaryAllocation(of: UInt64.self, capacity: stackLimit) {
      words -> Result<UInt64, CFIError> in
      guard let base = words.baseAddress else { return .failure(.limitReached) }
      var expression = Expression(context: context, words: base)
      do throws(CFIError) {
        if let initial { try expression.push(initial) }
        let limit = min(operations, operationLimit)
        defer { operations -= expression.operations }
        return .success(
          try data.read(range) { cursor throws(CFIError) in
            try expression.run(&cursor, start: range.lowerBound, limit: limit)
          })
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private init(context: Context, words: UnsafeMutablePointer<UInt64>) {
    self.context = context
    self.words = words
  }

  private mutating func push(_ value: UInt64) throws(CFIError) {
    guard depth < Self.stackLimit else { throw .limitReached }
    words[depth] = value
    depth += 1
  }

  private mutating func pop() throws(CFIError) -> UInt64 {
    guard depth > 0 else { throw .malformed }
    depth -= 1
    return words[depth]
  }

  private func peek(_ index: Int) throws(CFIError) -> UInt64 {
    guard index >= 0, index < depth else { throw .malformed }
    return words[depth - 1 - index]
  }

  private func register(_ number: UInt64) throws(CFIError) -> UInt64 {
    guard number < CFIRow.columns, context.known & (1 << number) != 0 else { throw .malformed }
    return context.registers[Int(number)]
  }

  private func load(_ address: UInt64, size: UInt8 = 8) throws(CFIError) -> UInt64 {
    guard size == 1 || size == 2 || size == 4 || size == 8 else { throw .unsupported }
    guard let value = context.stack.number(at: address, size: size) else {
      throw context.stack.isBeyond(address) ? .truncated : .malformed
    }
    return value
  }

  private mutating func run(_ cursor: inout ByteCursor, start: Int, limit: Int) throws(CFIError) -> UInt64 {
    while !cursor.isAtEnd {
      guard operations < limit else { throw .limitReached }
      operations += 1
      let operation = try cursor.read(UInt8.self)
      switch operation {
      case 0x28:  // bra
        let distance = try cursor.read(Int16.self)
        if try pop() != 0 { try jump(&cursor, distance, start) }
      case 0x2F: try jump(&cursor, try cursor.read(Int16.self), start)  // skip
      case 0x96: break  // nop
      case 0x03, 0x08...0x11, 0x30...0x4F, 0x70...0x8F, 0x92: try push(try value(operation, &cursor))
      case 0x12...0x17: try shuffle(operation, &cursor)
      case 0x06: try push(try load(try pop()))
      case 0x94: try push(try load(try pop(), size: try cursor.read(UInt8.self)))
      case 0x19, 0x1F, 0x20, 0x23: try unary(operation, &cursor)
      case 0x1A...0x1E, 0x21, 0x22, 0x24...0x27, 0x29...0x2E:
        let right = try pop()
        let left = try pop()
        try push(try Self.binary(operation, left, right))
      default: throw .unsupported
      }
    }
    return try pop()
  }

  private func jump(_ cursor: inout ByteCursor, _ distance: Int16, _ start: Int) throws(CFIError) {
    let place = cursor.offset + Int(distance)
    guard place >= start, cursor.move(to: place) else { throw .malformed }
  }

  /// What an operation pushes that takes nothing from the stack.
  private func value(_ operation: UInt8, _ cursor: inout ByteCursor) throws(CFIError) -> UInt64 {
    switch operation {
    case 0x03: return try cursor.read(UInt64.self) &+ context.bias
    case 0x08: return UInt64(try cursor.read(UInt8.self))
    case 0x09: return UInt64(bitPattern: Int64(try cursor.read(Int8.self)))
    case 0x0A: return UInt64(try cursor.read(UInt16.self))
    case 0x0B: return UInt64(bitPattern: Int64(try cursor.read(Int16.self)))
    case 0x0C: return UInt64(try cursor.read(UInt32.self))
    case 0x0D: return UInt64(bitPattern: Int64(try cursor.read(Int32.self)))
    case 0x0E, 0x0F: return try cursor.read(UInt64.self)
    case 0x10: return try cursor.unsignedLEB()
    case 0x11: return UInt64(bitPattern: try cursor.signedLEB())
    case 0x30...0x4F: return UInt64(operation - 0x30)
    case 0x92:
      let number = try cursor.unsignedLEB()
      return try register(number) &+ UInt64(bitPattern: try cursor.signedLEB())
    default: return try register(UInt64(operation - 0x70)) &+ UInt64(bitPattern: try cursor.signedLEB())
    }
  }

  private mutating func shuffle(_ operation: UInt8, _ cursor: inout ByteCursor) throws(CFIError) {
    switch operation {
    case 0x12: try push(try peek(0))  // dup
    case 0x13: _ = try pop()  // drop
    case 0x14: try push(try peek(1))  // over
    case 0x15: try push(try peek(Int(try cursor.read(UInt8.self))))  // pick
    case 0x16:  // swap
      let (top, second) = (try pop(), try pop())
      try push(top)
      try push(second)
    default:  // rot: the top becomes the third
      let (top, second, third) = (try pop(), try pop(), try pop())
      try push(top)
      try push(third)
      try push(second)
    }
  }

  private mutating func unary(_ operation: UInt8, _ cursor: inout ByteCursor) throws(CFIError) {
    let value = try pop()
    switch operation {
    case 0x19: try push(Int64(bitPattern: value) < 0 ? 0 &- value : value)  // abs
    case 0x1F: try push(0 &- value)  // neg
    case 0x20: try push(~value)  // not
    default: try push(value &+ (try cursor.unsignedLEB()))  // plus_uconst
    }
  }

  private static func binary(_ operation: UInt8, _ left: UInt64, _ right: UInt64) throws(CFIError) -> UInt64 {
    let (signedLeft, signedRight) = (Int64(bitPattern: left), Int64(bitPattern: right))
    switch operation {
    case 0x1A: return left & right
    case 0x1B:  // div
      guard right != 0 else { throw .malformed }
      return UInt64(bitPattern: signedLeft.dividedReportingOverflow(by: signedRight).partialValue)
    case 0x1C: return left &- right
    case 0x1D:  // mod
      guard right != 0 else { throw .malformed }
      return left % right
    case 0x1E: return left &* right
    case 0x21: return left | right
    case 0x22: return left &+ right
    // Smart shifts: by 64 and more, nothing (or the sign) is left.
    case 0x24: return left << right
    case 0x25: return left >> right
    case 0x26: return UInt64(bitPattern: signedLeft >> Int64(clamping: right))
    case 0x27: return left ^ right
    case 0x29: return signedLeft == signedRight ? 1 : 0
    case 0x2A: return signedLeft >= signedRight ? 1 : 0
    case 0x2B: return signedLeft > signedRight ? 1 : 0
    case 0x2C: return signedLeft <= signedRight ? 1 : 0
    case 0x2D: return signedLeft < signedRight ? 1 : 0
    default: return left != right ? 1 : 0
    }
  }
}
