internal import TraceModel

/// Runs a frame description's instructions up to an address (DWARF 5, 6.4.2).
struct CFIProgram {
  /// The most instructions that are run for one row; compilers write some thousand for the largest functions.
  static let instructionLimit = 1 << 16
  /// The most rows that are remembered at a time; compilers nest by one or two.
  static let rememberLimit = 64

  private let section: FrameSection
  private let description: FrameDescription
  private let target: UInt64
  private var row = CFIRow()
  private var initial: CFIRow?
  private var remembered: [(cfa: CFARule, registers: [RegisterRule])] = []
  private var location: UInt64
  private var instructions = 0
  private let limit: Int

  /// The row of `address`, which is in the description's code.
  static func row(
    for address: UInt64, _ description: FrameDescription, _ section: FrameSection, _ budget: inout FrameBudget
  ) throws(CFIError) -> CFIRow {
    var program = CFIProgram(section, description, address, limit: min(budget.instructions, instructionLimit))
    defer { budget.instructions -= program.instructions }
    return try program.run()
  }

  private init(_ section: FrameSection, _ description: FrameDescription, _ target: UInt64, limit: Int) {
    self.section = section
    self.limit = limit
    self.description = description
    self.target = target
    location = description.code.lowerBound
  }

  private mutating func run() throws(CFIError) -> CFIRow {
    let column = description.common.returnAddressRegister
    guard column < CFIRow.columns else { throw .unsupported }
    row.returnAddressRegister = Int(column)
    row.isSignalFrame = description.common.isSignalFrame
    row.code = description.code
    // Not even a CIE's instructions move on.
    if try execute(description.common.instructions) { throw .malformed }
    initial = row
    _ = try execute(description.instructions)
    return row
  }

  /// Whether the row of the target ended.
  private mutating func execute(_ range: Range<Int>) throws(CFIError) -> Bool {
    try section.data.read(range) { cursor throws(CFIError) in try execute(&cursor) }
  }

  private mutating func execute(_ cursor: inout ByteCursor) throws(CFIError) -> Bool {
    while !cursor.isAtEnd {
      guard instructions < limit else { throw .limitReached }
      instructions += 1
      let byte = try cursor.read(UInt8.self)
      let low = UInt64(byte & 0x3F)
      switch byte >> 6 {
      case 1: if try advance(by: low) { return true }
      case 2: set(low, .offset(try factored(Int64(bitPattern: cursor.unsignedLEB()))))
      case 3: restore(low)
      default: if try extended(byte, &cursor) { return true }
      }
    }
    return false
  }

  private mutating func extended(_ byte: UInt8, _ cursor: inout ByteCursor) throws(CFIError) -> Bool {
    switch byte {
    case 0x00: break  // nop
    case 0x01:  // set_loc
      let bases = PointerEncoding.Bases(section: section.address, is64Bit: description.common.is64Bit)
      return try move(to: try description.common.pointerEncoding.read(&cursor, bases))
    case 0x02: return try advance(by: UInt64(try cursor.read(UInt8.self)))
    case 0x03: return try advance(by: UInt64(try cursor.read(UInt16.self)))
    case 0x04: return try advance(by: UInt64(try cursor.read(UInt32.self)))
    case 0x1D: return try advance(by: try cursor.read(UInt64.self))  // MIPS_advance_loc8
    case 0x0A:  // remember_state
      guard remembered.count < Self.rememberLimit else { throw .limitReached }
      remembered.append((row.cfa, row.registers))
    case 0x0B:  // restore_state
      guard let state = remembered.popLast() else { throw .malformed }
      (row.cfa, row.registers) = state
    // AARCH64_negate_ra_state_with_pc, AARCH64_negate_ra_state: a signature is masked off wherever there may be one.
    case 0x2C, 0x2D: break
    case 0x2E: _ = try cursor.unsignedLEB()  // GNU_args_size
    case 0x0C...0x0F, 0x12, 0x13: try defineCFA(byte, &cursor)
    default: try registerRule(byte, &cursor)
    }
    return false
  }

  private mutating func defineCFA(_ byte: UInt8, _ cursor: inout ByteCursor) throws(CFIError) {
    switch byte {
    case 0x0C:  // def_cfa
      let register = try column(try cursor.unsignedLEB())
      row.cfa = .registerOffset(register, Int64(bitPattern: try cursor.unsignedLEB()))
    case 0x12:  // def_cfa_sf
      let register = try column(try cursor.unsignedLEB())
      row.cfa = .registerOffset(register, try factored(try cursor.signedLEB()))
    case 0x0F: row.cfa = .expression(try cursor.bytes(try cursor.unsignedLEB()))
    default:
      // The other half of the rule stays: there must be one.
      guard case .registerOffset(let register, let offset) = row.cfa else { throw .malformed }
      switch byte {
      case 0x0D: row.cfa = .registerOffset(try column(try cursor.unsignedLEB()), offset)
      case 0x0E: row.cfa = .registerOffset(register, Int64(bitPattern: try cursor.unsignedLEB()))
      default: row.cfa = .registerOffset(register, try factored(try cursor.signedLEB()))
      }
    }
  }

  private mutating func registerRule(_ byte: UInt8, _ cursor: inout ByteCursor) throws(CFIError) {
    let register = try cursor.unsignedLEB()
    switch byte {
    case 0x05: set(register, .offset(try factored(Int64(bitPattern: try cursor.unsignedLEB()))))
    case 0x06: restore(register)
    case 0x07: set(register, .undefined)
    case 0x08: set(register, .sameValue)
    case 0x09:
      let other = try cursor.unsignedLEB()
      // A value that lives in a register that is not kept is lost.
      set(register, other < CFIRow.columns ? .register(UInt8(other)) : .undefined)
    case 0x10: set(register, .expression(try cursor.bytes(try cursor.unsignedLEB())))
    case 0x11: set(register, .offset(try factored(try cursor.signedLEB())))
    case 0x14: set(register, .valueOffset(try factored(Int64(bitPattern: try cursor.unsignedLEB()))))
    case 0x15: set(register, .valueOffset(try factored(try cursor.signedLEB())))
    case 0x16: set(register, .valueExpression(try cursor.bytes(try cursor.unsignedLEB())))
    case 0x2F:  // GNU_negative_offset_extended
      let distance = Int64(bitPattern: try cursor.unsignedLEB())
      set(register, .offset(try factored(0 &- distance)))
    default: throw .unsupported
    }
  }

  private func column(_ register: UInt64) throws(CFIError) -> UInt8 {
    guard register < CFIRow.columns else { throw .unsupported }
    return UInt8(register)
  }

  private func factored(_ value: Int64) throws(CFIError) -> Int64 {
    let (product, overflow) = value.multipliedReportingOverflow(by: description.common.dataAlignment)
    guard !overflow else { throw .malformed }
    return product
  }

  private mutating func set(_ register: UInt64, _ rule: RegisterRule) {
    guard register < CFIRow.columns else { return }
    row.registers[Int(register)] = rule
  }

  private mutating func restore(_ register: UInt64) {
    guard register < CFIRow.columns else { return }
    row.registers[Int(register)] = initial?.registers[Int(register)] ?? .unspecified
  }

  private mutating func advance(by distance: UInt64) throws(CFIError) -> Bool {
    let (bytes, overflow) = distance.multipliedReportingOverflow(by: description.common.codeAlignment)
    let (next, beyond) = location.addingReportingOverflow(bytes)
    guard !overflow, !beyond else { throw .malformed }
    return try move(to: next)
  }

  /// Whether the target's row ends there.
  private mutating func move(to next: UInt64) throws(CFIError) -> Bool {
    guard initial != nil, next >= location else { throw .malformed }
    if next > target {
      row.code = location..<min(next, description.code.upperBound)
      return true
    }
    location = next
    row.code = location..<description.code.upperBound
    return false
  }
}
