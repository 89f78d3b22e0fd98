internal import TraceModel

/// A row that does not compress, with what its expressions need.
struct KeptRow {
  let row: CFIRow
  let data: SectionBytes
  /// Address minus file offset of the code, before the image is moved.
  let delta: UInt64
}

// The steps that are not taken often: by full rows, guesses and signal frames.
extension UnwindCore {
  /// The most rows that are kept before all rules are forgotten; a program has some dozen.
  private static var rowLimit: Int { 4096 }
  /// The most nested handlers on stacks of their own; a stack that was made up must not go round in a circle.
  private static var switchLimit: Int { 8 }

  /// Reads the rule of an address that is not in the cache.
  mutating func resolve(_ module: ModuleID, _ offset: UInt64, isReturnAddress: Bool) -> UnwindRule {
    // A 32-bit program's stack has other words, and its registers other numbers.
    guard source.is64Bit(module), let address = source.address(ofFileOffset: offset, in: module) else {
      return Machine.guess(CodeWindow(), isReturnAddress: isReturnAddress)
    }
    do throws(CFIError) {
      if let (row, section) = try source.row(for: address, in: module, &budget) {
        guard row.returnAddressRegister == Machine.returnAddress else { throw .unsupported }
        if let rule = signalFrame(row, source.code(aroundFileOffset: offset, in: module), isReturnAddress) {
          return rule
        }
        return compressed(row, section, address: address, offset: offset)
      }
    } catch {
      counters.malformed &+= 1
    }
    if isReturnAddress, source.isEntry(address, in: module) { return UnwindRule(.outermost) }
    return Machine.guess(source.code(aroundFileOffset: offset, in: module), isReturnAddress: isReturnAddress)
  }

  /// The rule of a signal frame whose row does not say where the stack pointer was: that of arm64's vdso before Linux 5.8,
  /// which leads to the link register instead of the interrupted instruction.
  private func signalFrame(_ row: CFIRow, _ code: @autoclosure () -> CodeWindow, _ isReturnAddress: Bool)
    -> UnwindRule?
  {
    guard row.isSignalFrame, row.registers[Machine.stackPointer] == .unspecified else { return nil }
    let rule = Machine.guess(code(), isReturnAddress: isReturnAddress)
    return rule.kind == .signalFrame ? rule : nil
  }

  private mutating func compressed(_ row: CFIRow, _ section: FrameSection, address: UInt64, offset: UInt64)
    -> UnwindRule
  {
    if let rule = UnwindRule(row, for: Machine.self) { return rule }
    if case .expression(let range) = row.cfa, row.registers[Machine.returnAddress] == .offset(-8),
      let rule = Machine.rule(forExpression: section.data.bytes[range], at: address)
    {
      return rule
    }
    if rows.count >= Self.rowLimit {
      rows.removeAll(keepingCapacity: true)
      cache.removeAll()
    }
    rows.append(KeptRow(row: row, data: section.data, delta: address &- offset))
    return UnwindRule(.row, offset: Int32(rows.count - 1))
  }

  /// Goes to the caller by the frame pointer, or by what the instructions say of the stack pointer. Where that leads nowhere, it
  /// was wrong.
  mutating func takeGuess(_ rule: UnwindRule, _ stack: StackBytes) -> Step {
    if rule.terminator > 0 {
      let register = Int(rule.terminator) - 1
      if isKnown(register), values[register] == 0 { return .end(.complete) }
    }
    hasGuessed = true
    if Int(rule.register) == Machine.framePointer {
      guard isKnown(Machine.framePointer) else { return .end(.noInformation) }
      guard values[Machine.framePointer] >= values[Machine.stackPointer] else { return .end(.noInformation) }
    }
    switch takeCompact(rule, stack) {
    case .end(.corrupt), .end(.missingRegister): return .end(.noInformation)
    case let step: return step
    }
  }

  /// Goes on with all registers as the kernel saved them in a signal frame.
  mutating func takeSignalFrame(_ stack: StackBytes) -> Step {
    let pointer = values[Machine.stackPointer]
    var found: UInt64 = 0
    for number in 0..<CFIRow.columns {
      guard let offset = Machine.signalFrameOffset(of: number) else { continue }
      guard let value = stack.word(at: pointer &+ offset) else {
        return .end(missing(pointer &+ offset, stack))
      }
      callers[number] = value
      found |= 1 << UInt64(number)
    }
    return resume(found, at: callers[Machine.programCounter], stack)
  }

  mutating func takeRow(_ kept: KeptRow, _ stack: StackBytes, bias: UInt64) -> Step {
    let row = kept.row
    let context = Expression.Context(
      registers: values, known: known, stack: stack, bias: bias &- kept.delta)
    let cfa: UInt64
    switch row.cfa {
    case .undefined: return .end(.corrupt)
    case .registerOffset(let register, let offset):
      guard isKnown(Int(register)) else { return .end(.missingRegister) }
      cfa = values[Int(register)] &+ UInt64(bitPattern: offset)
    case .expression(let range):
      do throws(CFIError) {
        cfa = try Expression.evaluate(kept.data, range, initial: nil, context, operations: &budget.operations)
      } catch {
        return .end(failed(error))
      }
    }
    // A signal handler may run on a stack of its own, which can lie above the interrupted one.
    guard row.isSignalFrame || advances(cfa) else { return .end(.corrupt) }
    var found: UInt64 = 0
    // As after any call, what calls do not preserve is lost.
    let preserved = Machine.savedMask | 1 << UInt64(Machine.stackPointer) | 1 << UInt64(row.returnAddressRegister)
    let needed = row.isSignalFrame ? ~0 : preserved
    for number in 0..<CFIRow.columns where needed & (1 << UInt64(number)) != 0 {
      do throws(CFIError) {
        guard let value = try value(of: number, kept, cfa, context) else { continue }
        callers[number] = value
        found |= 1 << UInt64(number)
      } catch {
        // Of a register that nothing needs, this does not matter.
        if number == row.returnAddressRegister { return .end(failed(error)) }
      }
    }
    let column = row.returnAddressRegister
    guard found & (1 << UInt64(column)) != 0 else { return .end(.corrupt) }
    let returnAddress = Machine.stripped(callers[column])
    if row.isSignalFrame { return resume(found, at: returnAddress, stack) }
    let isOwn = row.registers[column] == .unspecified || row.registers[column] == .sameValue
    guard isInterrupted || !isOwn else { return .end(.corrupt) }
    let stackPointer = callers[Machine.stackPointer]
    guard advances(stackPointer) else { return .end(.corrupt) }
    adopt(found & (Machine.savedMask | 1 << UInt64(Machine.stackPointer)))
    return enter(returnAddress, stackPointer: stackPointer)
  }

  /// The caller's value of a register; nil if it is lost.
  private mutating func value(of number: Int, _ kept: KeptRow, _ cfa: UInt64, _ context: Expression.Context)
    throws(CFIError) -> UInt64?
  {
    func load(_ address: UInt64) throws(CFIError) -> UInt64 {
      guard let value = context.stack.word(at: address) else {
        throw missing(address, context.stack) == .truncated ? .truncated : .malformed
      }
      return value
    }
    switch kept.row.registers[number] {
    case .unspecified: return number == Machine.stackPointer ? cfa : isKnown(number) ? values[number] : nil
    case .sameValue: return isKnown(number) ? values[number] : nil
    case .undefined: return nil
    case .offset(let offset):
      let place = cfa &+ UInt64(bitPattern: offset)
      if number != kept.row.returnAddressRegister, let value = saved(number, at: place, context.stack) { return value }
      return try load(place)
    case .valueOffset(let offset): return cfa &+ UInt64(bitPattern: offset)
    case .register(let other): return isKnown(Int(other)) ? values[Int(other)] : nil
    case .expression(let range):
      return try load(
        try Expression.evaluate(kept.data, range, initial: cfa, context, operations: &budget.operations))
    case .valueExpression(let range):
      return try Expression.evaluate(kept.data, range, initial: cfa, context, operations: &budget.operations)
    }
  }

  private mutating func failed(_ error: CFIError) -> StackEnd {
    if error == .truncated { return .truncated }
    counters.failedExpressions &+= 1
    return .corrupt
  }

  private mutating func adopt(_ found: UInt64) {
    for number in 0..<CFIRow.columns where found & (1 << UInt64(number)) != 0 { values[number] = callers[number] }
    known = found
  }

  /// Goes on where a signal interrupted the thread.
  private mutating func resume(_ found: UInt64, at address: UInt64, _ stack: StackBytes) -> Step {
    let needed = 1 << UInt64(Machine.stackPointer) as UInt64
    guard found & needed != 0 else { return .end(.corrupt) }
    let pointer = callers[Machine.stackPointer]
    if pointer <= values[Machine.stackPointer] {
      stackSwitches += 1
      guard stackSwitches <= Self.switchLimit else { return .end(.corrupt) }
    }
    hasLeftCopy = pointer < stack.start || stack.isBeyond(pointer)
    adopt(found | 1 << UInt64(Machine.programCounter))
    values[Machine.programCounter] = Machine.stripped(address)
    isInterrupted = true
    return .caller(.instruction(Machine.stripped(address)))
  }
}
