/// A row of call frame information in 20 bytes, for what compilers write nearly always:
///
///     CFA = register + offset
///     return address = *(CFA - 8 * returnSlot), or the register that holds it
///     each register that calls preserve = itself, or *(CFA - 8 * N)
struct UnwindRule: BitwiseCopyable, Equatable {
  enum Kind: UInt8, BitwiseCopyable {
    /// The CFA is a register plus an offset, as call frame information says.
    case registerOffset
    /// The CFA is a register plus an offset, as the frame pointer or the instructions say, without call frame information.
    case guess
    /// There is no caller.
    case outermost
    /// A row that does not compress: number `offset` of the rows that are kept.
    case row
    /// The kernel's signal frame at the stack pointer, known by its code.
    case signalFrame
  }

  let kind: Kind
  /// DWARF number of the register that the CFA counts from.
  let register: UInt8
  /// Words from the return address to the CFA; 0 if it is in its register.
  let returnSlot: UInt8
  /// One more than the number of the register that is 0 where the code of a guess proves that there is no caller; 0 if it proves
  /// nothing.
  private(set) var terminator: UInt8 = 0
  /// The number of bytes from the register to the CFA, or the number of a row.
  let offset: Int32
  /// Words from the saved register to the CFA, a byte per slot; 0 if it has not changed.
  private(set) var slots: UInt64 = 0
  private(set) var moreSlots: UInt32 = 0

  init(_ kind: Kind, register: Int = 0, offset: Int32 = 0, returnSlot: UInt8 = 0) {
    self.kind = kind
    self.register = UInt8(truncatingIfNeeded: register)
    self.offset = offset
    self.returnSlot = returnSlot
  }

  /// This rule with the addition that there is no caller where `register` is 0.
  func ending(atZero register: Int) -> UnwindRule {
    var rule = self
    rule.terminator = UInt8(truncatingIfNeeded: register + 1)
    return rule
  }

  /// Says where a register is saved.
  mutating func set(slot: Int, words: UInt8) {
    if slot < 8 {
      slots |= UInt64(words) << UInt64(8 * slot)
    } else {
      moreSlots |= UInt32(words) << UInt32(8 * (slot - 8))
    }
  }

  /// Compresses a row; nil if it says more than a rule can.
  init?<Machine: Architecture>(_ row: CFIRow, for _: Machine.Type) {
    guard row.returnAddressRegister == Machine.returnAddress else { return nil }
    let returnRule = row.registers[Machine.returnAddress]
    if returnRule == .undefined {
      self.init(.outermost)
      return
    }
    guard !row.isSignalFrame, case .registerOffset(let register, let offset) = row.cfa,
      let offset = Int32(exactly: offset), let returnSlot = Self.words(returnRule),
      returnSlot > 0 || !Machine.callPushesReturnAddress
    else { return nil }
    switch row.registers[Machine.stackPointer] {
    case .unspecified, .valueOffset(0): break
    default: return nil
    }
    self.init(.registerOffset, register: Int(register), offset: offset, returnSlot: returnSlot)
    for slot in 0..<Machine.savedCount {
      guard let words = Self.words(row.registers[Machine.saved(slot)]) else { return nil }
      set(slot: slot, words: words)
    }
  }

  private static func words(_ rule: RegisterRule) -> UInt8? {
    switch rule {
    case .unspecified, .sameValue: return 0
    case .offset(let offset) where offset < 0 && offset % 8 == 0: return UInt8(exactly: offset / -8)
    default: return nil
    }
  }
}

extension Architecture {
  /// The DWARF number of the register of a slot.
  @inline(__always)
  static func saved(_ slot: Int) -> Int {
    slot < 8 ? Int((savedLow >> UInt64(8 * slot)) & 0xFF) : Int((savedHigh >> UInt32(8 * (slot - 8))) & 0xFF)
  }
}
