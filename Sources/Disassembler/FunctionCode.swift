/// A stretch of a function's code: most functions have one, some also one that is seldom run (`F.cold`).
package struct CodePart: Sendable, Equatable {
  /// The address of the first byte, as the image's symbols count.
  package let address: UInt64
  package let bytes: [UInt8]

  package init(address: UInt64, bytes: [UInt8]) {
    self.address = address
    self.bytes = bytes
  }

  package var end: UInt64 { address &+ UInt64(bytes.count) }
  package var range: Range<UInt64> { address..<max(address, end) }
}

/// The instructions of one function: where each begins, and all the ways out.
///
/// Nothing is taken for granted: code that does not decode to its end, or that jumps into the middle of an instruction,
/// is not complete, and a computed jump whose table is not found counts as one that may go anywhere.
package struct FunctionCode: Sendable {
  /// Functions of more bytes than this are not decoded.
  package static let limit = 1 << 20

  /// The most computed jumps that are followed; no function has so many, but the bytes are the target's.
  private static let computedLimit = 1024

  /// The parts of the function. The first is the one that callers enter, at its start.
  package let parts: [CodePart]
  /// The function's instructions by part, in the order of addresses.
  package private(set) var instructions: [Instruction] = []
  /// The positions of each part's instructions.
  private var ranges: [Range<Int>] = []
  /// Whether all bytes of all parts were understood.
  package private(set) var isComplete = true
  /// What jumps or calls to an address inside.
  enum Source {
    /// The position of the only instruction that does.
    case one(Int)
    case several
  }

  /// What jumps or calls to each address inside, by address; computed jumps are not among it.
  private(set) var sources: [UInt64: Source] = [:]
  /// Addresses inside that something inside jumps to.
  package private(set) var targets: Set<UInt64> = []
  /// Where direct jumps leave the function for: tail calls, and parts that are not known of.
  package private(set) var outsideTargets: [UInt64] = []
  /// Computed jumps that may go anywhere.
  package private(set) var unresolvedJumps: [UInt64] = []
  /// The `ret` instructions.
  package private(set) var returns: [UInt64] = []
  /// Whether something leaves the function in a way of its own: the end of a part is run into, or a subroutine inside is called.
  package private(set) var isIrregular = false

  /// Decodes `parts`. `readData` gives bytes of the image at an address, for jump tables; nil where there are none.
  package init(_ parts: [CodePart], _ set: InstructionSet, readData: (_ address: UInt64, _ count: Int) -> [UInt8]?) {
    self.parts = parts
    guard !parts.isEmpty, parts.reduce(0, { $0 + $1.bytes.count }) <= Self.limit, let decoder = Decoder(set) else {
      isComplete = false
      return
    }
    for part in parts { decode(part, decoder) }
    follow()
    withoutActuallyEscaping(readData) { followComputedJumps(JumpTables(set, readData: $0), decoder) }
  }

  private mutating func followComputedJumps(_ tables: JumpTables, _ decoder: borrowing Decoder) {
    var left = Self.computedLimit
    var paths: [(jump: UInt64, path: [UInt64])] = []
    var computed: Set<UInt64> = []
    for (position, instruction) in instructions.enumerated() where instruction.flow == .indirectJump {
      left -= 1
      guard isComplete, left >= 0, let found = tables.targets(ofJumpAt: position, in: self, decoder),
        found.targets.allSatisfy({ starts(at: $0) })
      else {
        unresolvedJumps.append(instruction.address)
        continue
      }
      computed.formUnion(found.targets)
      paths.append((instruction.address, found.path))
    }
    targets.formUnion(computed)
    // A computed jump, too, may lead past a comparison.
    for (jump, path) in paths where path.contains(where: computed.contains) { unresolvedJumps.append(jump) }
    unresolvedJumps.sort()
  }

  /// A way out of a function that is no `ret` of its own, or that nobody can exclude.
  package enum OtherWayOut: Sendable, Equatable {
    case notUnderstood
    /// A jump to this address.
    case jump(to: UInt64)
    /// The computed jump at this address, whose targets are not all known.
    case computedJump(at: UInt64)
    case irregularEnd
  }

  /// The first way out that is no `ret`; nil where every one is, so that probes there see every return.
  package var otherWayOut: OtherWayOut? {
    if !isComplete { return .notUnderstood }
    if let target = outsideTargets.first { return .jump(to: target) }
    if let jump = unresolvedJumps.first { return .computedJump(at: jump) }
    return isIrregular ? .irregularEnd : nil
  }

  /// Whether every way out is a `ret`.
  package var returnsByRetAlone: Bool { otherWayOut == nil }

  /// The instruction that begins at `address`.
  package func instruction(at address: UInt64) -> Instruction? {
    position(of: address).map { instructions[$0] }
  }

  /// The instruction that `address` is a part of; nil if it is in none that was decoded.
  package func instruction(containing address: UInt64) -> Instruction? {
    instructions.first { $0.address <= address && address < $0.end }
  }

  /// Whether `address` lies in one of the parts.
  package func contains(_ address: UInt64) -> Bool { parts.contains { $0.range.contains(address) } }

  func starts(at address: UInt64) -> Bool { position(of: address) != nil }

  /// The part that an address is in.
  func part(of address: UInt64) -> CodePart? { parts.first { $0.range.contains(address) } }

  private func position(of address: UInt64) -> Int? {
    for (part, range) in zip(parts, ranges) where part.range.contains(address) {
      var (low, high) = (range.lowerBound, range.upperBound)
      while low < high {
        let middle = (low + high) / 2
        if instructions[middle].address < address { low = middle + 1 } else { high = middle }
      }
      return low < range.upperBound && instructions[low].address == address ? low : nil
    }
    return nil
  }

  // MARK: Decoding

  private mutating func decode(_ part: CodePart, _ decoder: borrowing Decoder) {
    let start = instructions.count
    defer { ranges.append(start..<instructions.count) }
    var offset = 0
    while offset < part.bytes.count {
      guard let next = decoder.instruction(in: part.bytes, at: offset, start: part.address) else {
        isComplete = false
        return
      }
      instructions.append(next)
      offset += Int(next.length)
    }
    checkEnd(of: part)
  }

  /// Checks that the last instruction is not run past. A call there, or before padding, is of a function that does not return.
  private mutating func checkEnd(of part: CodePart) {
    var last = instructions.endIndex - 1
    var isPadded = false
    while last >= 0, part.range.contains(instructions[last].address) {
      let instruction = instructions[last]
      switch instruction.flow {
      case .ret, .jump(_, false), .indirectJump, .trap, .call, .far: return
      case .next where instruction.isPadding:
        isPadded = true
        last -= 1
      default:
        isIrregular = true
        return
      }
    }
    isIrregular = isIrregular || isPadded || part.bytes.isEmpty
  }

  private mutating func follow() {
    for (position, instruction) in instructions.enumerated() {
      switch instruction.flow {
      case .next, .trap, .indirectJump, .call(nil): break
      case .ret: returns.append(instruction.address)
      case .far: isIrregular = true
      case .call(let target?):
        // A call of the function itself is one more call of it; one of its inside returns by the same instructions.
        guard contains(target), target != parts[0].address else { break }
        note(position, asSourceOf: target)
        // 32-bit code learns where it is by calling the next instruction, which pops the return address.
        if target == instruction.end { targets.insert(target) } else { isIrregular = true }
      case .jump(let target, _):
        guard contains(target) else {
          outsideTargets.append(target)
          break
        }
        targets.insert(target)
        note(position, asSourceOf: target)
        if !starts(at: target), !isBehindLock(target) { isComplete = false }
      }
    }
  }

  private mutating func note(_ position: Int, asSourceOf target: UInt64) {
    sources[target] = sources[target] == nil ? .one(position) : .several
  }

  private func isBehindLock(_ address: UInt64) -> Bool { instruction(at: address &- 1)?.isLocked ?? false }
}
