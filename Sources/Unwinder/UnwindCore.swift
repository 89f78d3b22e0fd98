internal import TraceModel

/// The walk from frame to frame, for one architecture.
///
/// Invariant that makes the pointers sound: `values` and `callers` hold `CFIRow.columns` initialised words, and only
/// DWARF numbers below that are used as indices (a rule's come from a row, which has checked them); this value is the
/// only owner.
struct UnwindCore<Machine: Architecture>: ~Copyable {
  enum Step {
    case caller(CodeAddress)
    case end(StackEnd)
  }

  let source: any CodeSource
  var cache = RuleCache()
  var mappings = MappingCache()
  var rows: [KeptRow] = []
  var counters = UnwindCounters()
  /// The current frame's registers by DWARF number, of which `known` says which are valid.
  let values: UnsafeMutablePointer<UInt64>
  let callers: UnsafeMutablePointer<UInt64>
  var known: UInt64 = 0
  /// Whether the current frame did not call: its registers are all as they were, and it may not have a frame of its own.
  var isInterrupted = true
  /// Whether a signal handler's frames, which ran on a stack of their own, have led to another stack than the copied one.
  var hasLeftCopy = false
  /// Whether a guess has led to the current frame, so that a 0 for a return address proves nothing.
  var hasGuessed = false
  /// The address that the kernel lets functions return to whose return a probe waits for; see `AddressSpace`.
  private var returnTrampoline: UInt64 = 0
  /// What is known of the return addresses that the kernel has replaced by the trampoline of return probes.
  private var returns: PendingReturns?
  /// The number of signal frames of this stack that led to a lower address.
  var stackSwitches = 0
  var budget = FrameBudget()

  init(source: any CodeSource) {
    self.source = source
    values = .allocate(capacity: CFIRow.columns)
    values.initialize(repeating: 0, count: CFIRow.columns)
    callers = .allocate(capacity: CFIRow.columns)
    callers.initialize(repeating: 0, count: CFIRow.columns)
  }

  deinit {
    values.deallocate()
    callers.deallocate()
  }

  var allCounters: UnwindCounters {
    var all = counters
    all.cache = cache.counters
    return all
  }

  mutating func unwind(
    _ registers: UserRegisters, _ stack: StackBytes, _ space: borrowing AddressSpace, limit: Int,
    _ pendingReturns: PendingReturns? = nil, into frames: inout FlatArray<Frame>
  ) -> StackEnd {
    // 32-bit code pushes 4 bytes at a time, and numbers its registers otherwise.
    guard !registers.is32Bit else { return .unsupported }
    guard let start = load(registers) else { return .missingRegister }
    var code = CodeAddress.instruction(start)
    var isGuessed = false
    var remaining = limit
    isInterrupted = true
    hasLeftCopy = false
    hasGuessed = false
    returns = pendingReturns
    defer { returns = nil }
    returnTrampoline = space.returnTrampoline
    stackSwitches = 0
    budget.startStack()
    while true {
      guard remaining > 0 else { return .depthLimit }
      remaining -= 1
      let step: Step
      let isGuess: Bool
      if let mapping = mappings.find(code.lookup, space) {
        let offset = mapping.module.isAnonymous ? code.lookup : mapping.offset(of: code.lookup)
        frames.append(Frame(code: code, isGuessed: isGuessed, module: mapping.module, offset: offset))
        let rule = rule(for: code, mapping, offset)
        if code.isReturnAddress, isSignalFrame(rule) {
          // Nothing called it: the kernel set the return address to the trampoline's first instruction. (Its call frame
          // information begins a byte early, for those who do not know.)
          frames[frames.count - 1] = Frame(
            code: .instruction(code.address), isGuessed: isGuessed, module: mapping.module, offset: offset &+ 1)
        }
        isGuess = rule.kind == .guess || rule.kind == .signalFrame
        // In the trampoline itself the callee's frame is gone.
        step =
          mapping.module == .probes && offset < Machine.probeSlot
          ? .end(.returnProbe) : take(rule, stack, bias: code.lookup &- offset)
      } else {
        // No code is there. Only an interrupted thread can be at such an address: it called or jumped to it.
        guard isInterrupted else { return isGuessed ? .noInformation : .corrupt }
        frames.append(Frame(code: code, isGuessed: isGuessed, module: .anonymous, offset: code.lookup))
        isGuess = true
        step = take(Self.badJump, stack, bias: 0)
      }
      counters.frames &+= 1
      switch step {
      case .end(let end): return end
      case .caller(let caller): code = caller
      }
      isGuessed = isGuess
    }
  }

  /// The rule where nothing has run since the call: the return address alone is on the stack, or in its register.
  private static var badJump: UnwindRule {
    UnwindRule(
      .guess, register: Machine.stackPointer, offset: Machine.callPushesReturnAddress ? 8 : 0,
      returnSlot: Machine.callPushesReturnAddress ? 1 : 0)
  }

  /// The program counter; nil if that or the stack pointer is not known.
  private mutating func load(_ registers: UserRegisters) -> UInt64? {
    known = registers.known
    for number in 0..<CFIRow.columns { values[number] = registers[number] ?? 0 }
    guard isKnown(Machine.programCounter), isKnown(Machine.stackPointer) else { return nil }
    return Machine.stripped(values[Machine.programCounter])
  }

  @inline(__always)
  func isKnown(_ number: Int) -> Bool { known & (1 << UInt64(number)) != 0 }

  @inline(__always)
  private mutating func rule(for code: CodeAddress, _ mapping: Mapping, _ offset: UInt64) -> UnwindRule {
    guard !mapping.module.isAnonymous else {
      return Machine.guess(CodeWindow(), isReturnAddress: code.isReturnAddress)
    }
    // What is guessed depends on whether the code called. The offset's uppermost bit is free for that.
    let key = offset | (code.isReturnAddress ? 1 << 63 : 0)
    if let found = cache.find(module: mapping.module.number, offset: key) { return found }
    let found = resolve(mapping.module, offset, isReturnAddress: code.isReturnAddress)
    cache.insert(found, module: mapping.module.number, offset: key)
    return found
  }

  @inline(__always)
  private func isSignalFrame(_ rule: UnwindRule) -> Bool {
    switch rule.kind {
    case .signalFrame: true
    case .row: rows[Int(rule.offset)].row.isSignalFrame
    default: false
    }
  }

  @inline(__always)
  private mutating func take(_ rule: UnwindRule, _ stack: StackBytes, bias: UInt64) -> Step {
    switch rule.kind {
    case .registerOffset: return takeCompact(rule, stack)
    case .outermost: return .end(.complete)
    case .guess:
      counters.guesses &+= 1
      return takeGuess(rule, stack)
    case .row:
      counters.rows &+= 1
      return takeRow(rows[Int(rule.offset)], stack, bias: bias)
    case .signalFrame:
      counters.guesses &+= 1
      return takeSignalFrame(stack)
    }
  }

  /// CFA = register + offset; nil beyond the address space.
  @inline(__always)
  private func canonicalAddress(_ rule: UnwindRule) -> UInt64? {
    let base = values[Int(rule.register)]
    let cfa = base &+ UInt64(bitPattern: Int64(rule.offset))
    return (cfa >= base) == (rule.offset >= 0) ? cfa : nil
  }

  /// Whether the caller's stack pointer is above this frame's. Only an interrupted frame may have nothing on the stack,
  /// with the return address in a register: a leaf function on arm64, `vfork` of x86-64's libc.
  @inline(__always)
  func advances(_ cfa: UInt64) -> Bool {
    let pointer = values[Machine.stackPointer]
    return cfa > pointer || (cfa == pointer && isInterrupted)
  }

  /// Why a word is not there that has to be.
  func missing(_ address: UInt64, _ stack: StackBytes) -> StackEnd {
    hasLeftCopy || stack.isBeyond(address) ? .truncated : .corrupt
  }

  /// The caller's value of a register that was saved at `place`; nil if it is lost.
  ///
  /// Below the stack pointer of an interrupted frame it has been popped again: of epilogues LLVM says only how the stack
  /// pointer moves.
  @inline(__always)
  func saved(_ register: Int, at place: UInt64, _ stack: StackBytes) -> UInt64? {
    if isInterrupted, place < values[Machine.stackPointer] { return isKnown(register) ? values[register] : nil }
    return stack.word(at: place)
  }

  @inline(__always)
  mutating func takeCompact(_ rule: UnwindRule, _ stack: StackBytes) -> Step {
    guard isKnown(Int(rule.register)) else { return .end(.missingRegister) }
    guard let cfa = canonicalAddress(rule), advances(cfa) else { return .end(.corrupt) }
    let returnAddress: UInt64
    if rule.returnSlot > 0 {
      // return address = *(CFA - 8 * slot)
      let place = cfa &- 8 &* UInt64(rule.returnSlot)
      guard let found = stack.word(at: place) else { return .end(missing(place, stack)) }
      returnAddress = Machine.stripped(found)
    } else {
      // A frame that called has overwritten the link register.
      guard isInterrupted, isKnown(Machine.returnAddress) else { return .end(.corrupt) }
      returnAddress = Machine.stripped(values[Machine.returnAddress])
    }
    restore(rule, cfa, stack)
    return enter(returnAddress, stackPointer: cfa)
  }

  /// Restores the registers that calls preserve, from *(CFA - 8 * N).
  @inline(__always)
  private mutating func restore(_ rule: UnwindRule, _ cfa: UInt64, _ stack: StackBytes) {
    var lost: UInt64 = 0
    var slots = rule.slots
    while slots != 0 {
      let shift = UInt64(slots.trailingZeroBitCount) & ~7
      let register = Int((Machine.savedLow &>> shift) & 0xFF)
      if let value = saved(register, at: cfa &- 8 &* ((slots &>> shift) & 0xFF), stack) {
        values[register] = value
        known |= 1 &<< UInt64(register)
      } else {
        lost |= 1 &<< UInt64(register)
      }
      slots &= ~(0xFF &<< shift)
    }
    if Machine.savedCount > 8, rule.moreSlots != 0 {
      for slot in 0..<4 {
        let words = UInt64(rule.moreSlots >> UInt32(8 * slot)) & 0xFF
        guard words != 0 else { continue }
        let register = Machine.saved(slot + 8)
        if let value = saved(register, at: cfa &- 8 &* words, stack) {
          values[register] = value
          known |= 1 << UInt64(register)
        } else {
          lost |= 1 << UInt64(register)
        }
      }
    }
    known &= Machine.savedMask & ~lost
  }

  /// Goes on in the frame that called.
  ///
  /// A return address of 0 is how outermost frames are made. Where call frame information has led to every frame so far, it
  /// is one; a guess can have found any word that is 0.
  @inline(__always)
  mutating func enter(_ returnAddress: UInt64, stackPointer: UInt64) -> Step {
    guard returnAddress != 0 else { return .end(hasGuessed ? .noInformation : .complete) }
    if returnAddress == returnTrampoline { return passReturnProbe(stackPointer: stackPointer) }
    values[Machine.stackPointer] = stackPointer
    values[Machine.programCounter] = returnAddress
    known |= 1 << UInt64(Machine.stackPointer) | 1 << UInt64(Machine.programCounter)
    isInterrupted = false
    return .caller(.returnAddress(returnAddress))
  }

  /// Goes on in the frame that called where a return probe waits for the callee: it was called with the return address right
  /// below the caller's stack pointer, or in its register.
  @inline(never)
  private mutating func passReturnProbe(stackPointer: UInt64) -> Step {
    let place = Machine.callPushesReturnAddress ? stackPointer &- 8 : stackPointer
    guard let found = returns?.returnAddress(at: place, besides: returnTrampoline), found != returnTrampoline else {
      return .end(.returnProbe)
    }
    return enter(Machine.stripped(found), stackPointer: stackPointer)
  }
}
