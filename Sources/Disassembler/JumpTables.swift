/// Finds where computed jumps of `switch` statements go.
///
/// A compiler compares the number with the last case's, jumps away above it, and takes the target, or its distance from
/// the table, from a table of read-only data. Only where each of these is found is the jump known; whatever differs may
/// as well be a call through a pointer that is the function's last act.
struct JumpTables {
  /// The most instructions before the jump that are searched for each piece.
  private static let reach = 256
  /// The most cases of a `switch`.
  private static let limit: UInt64 = 1 << 12

  private let set: InstructionSet
  private let readData: (UInt64, Int) -> [UInt8]?

  init(_ set: InstructionSet, readData: @escaping (UInt64, Int) -> [UInt8]?) {
    self.set = set
    self.readData = readData
  }

  /// A computed jump's targets, and the instructions that show it.
  struct Result {
    let targets: Set<UInt64>
    /// The targets are all only if nothing else jumps to one of these.
    let path: [UInt64]
  }

  /// All targets of the computed jump at a position of the function's instructions; nil if they are not known.
  func targets(ofJumpAt position: Int, in code: FunctionCode, _ decoder: borrowing Decoder) -> Result? {
    var search = Search(code, position)
    guard let jump = search.next(decoder) else { return nil }
    switch jump.kind {
    case .jumpThrough(let table, let index):
      guard let last = bound(of: index, &search, decoder) else { return nil }
      return addresses(in: table, last).map { Result(targets: $0, path: search.entered) }
    case .jumpTo(let register):
      return targets(inRegister: register, &search, decoder)
    default: return nil
    }
  }

  private func targets(
    inRegister register: Register, _ search: inout Search, _ decoder: borrowing Decoder
  ) -> Result? {
    guard let definition = search.definition(of: register, decoder) else { return nil }
    switch definition.kind {
    case .loadAddress(_, let table, let index):
      guard let last = bound(of: index, &search, decoder) else { return nil }
      return addresses(in: table, last).map { Result(targets: $0, path: search.entered) }
    case .add(_, let other):
      // One of both is the distance, the other one the table.
      var distance = search
      for (offset, base) in [(register, other), (other, register)] {
        distance = search
        guard let load = distance.definition(of: offset, decoder), case .loadDistance(_, base, let index) = load.kind
        else { continue }
        // A loop's table is loaded before it, so that others may come to what is in between.
        var table = distance.inAddressOrder
        // What writes the base between the load and the addition makes another one of it.
        var between = search.inAddressOrder
        guard let origin = between.definition(of: base, decoder), case .address(_, let start) = origin.kind,
          let same = table.definition(of: base, decoder), case .address(_, start) = same.kind,
          let last = bound(of: index, &distance, decoder)
        else { return nil }
        return distances(from: start, last).map { Result(targets: $0, path: distance.entered) }
      }
      return nil
    default: return nil
    }
  }

  /// The largest value of the number that the table is entered with.
  private func bound(of index: Register, _ search: inout Search, _ decoder: borrowing Decoder) -> UInt64? {
    var number = index
    var memory: MemoryOperand?
    /// What the comparison, which comes before it, would mean.
    var condition: Operation.Condition?
    while let operation = search.next(decoder) {
      if let found = operation.condition { condition = search.isTaken ? found : found.inverse }
      switch operation.kind {
      case .compare(number, let limit) where memory == nil:
        if let last = Self.last(limit, condition) { return last }
      case .compareMemory(let place, let limit) where place == memory:
        if let last = Self.last(limit, condition) { return last }
      case .mask(number, let mask) where memory == nil && mask >= 0 && UInt64(mask) < Self.limit: return UInt64(mask)
      case .copy(number, let source) where memory == nil: number = source
      case .load(number, let place) where memory == nil: memory = place
      default:
        if let memory {
          // It may be another place by then, or another number.
          if operation.writesMemory || memory.isAddressed(by: operation.writes) { return nil }
        } else if operation.writes.contains(number) {
          return nil
        }
      }
      // What is before it has nothing to do with the jump.
      if operation.writesFlags { condition = nil }
    }
    return nil
  }

  /// The last case where `cmp $limit` has that result.
  private static func last(_ limit: Int64, _ condition: Operation.Condition?) -> UInt64? {
    guard limit >= 0, UInt64(limit) < Self.limit else { return nil }
    switch condition {
    case .belowOrEqual: return UInt64(limit)
    case .below: return limit > 0 ? UInt64(limit) - 1 : nil
    case .above, .aboveOrEqual, nil: return nil
    }
  }

  private func addresses(in table: UInt64, _ last: UInt64) -> Set<UInt64>? {
    let size = set == .x86_64 ? 8 : 4
    let count = (Int(last) + 1) * size
    guard let bytes = readData(table, count), bytes.count == count else { return nil }
    return Set(
      (0...Int(last)).map { entry in
        (0..<size).reduce(UInt64(0)) { $0 | UInt64(bytes[entry * size + $1]) << UInt64(8 * $1) }
      })
  }

  private func distances(from table: UInt64, _ last: UInt64) -> Set<UInt64>? {
    let count = (Int(last) + 1) * 4
    guard let bytes = readData(table, count), bytes.count == count else { return nil }
    return Set(
      (0...Int(last)).map { entry in
        let distance = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[entry * 4 + $1]) << UInt32(8 * $1) }
        return table &+ UInt64(bitPattern: Int64(Int32(bitPattern: distance)))
      })
  }

  /// Goes back from an instruction, the way that the processor came.
  private struct Search {
    private let code: FunctionCode
    /// The position of the instruction that is found next, and whether it is a jump that is taken on this way.
    private var step: (position: Int, isTaken: Bool)
    private var last: Int?
    private var left = JumpTables.reach
    private var isStrict = true
    /// Whether the instruction that was found last is a jump that is taken on this way.
    private(set) var isTaken = false
    /// Instructions that are come to from the one before alone.
    private(set) var entered: [UInt64] = []

    init(_ code: FunctionCode, _ position: Int) {
      self.code = code
      step = (position, false)
    }

    /// The search from here on in the order of addresses, whoever else jumps there.
    var inAddressOrder: Search {
      var search = self
      search.isStrict = false
      return search
    }

    /// What the instruction before does; nil where it is not known which one that is.
    mutating func next(_ decoder: borrowing Decoder) -> Operation? {
      guard left > 0 else { return nil }
      left -= 1
      if let last {
        guard let before = before(last) else { return nil }
        entered.append(code.instructions[last].address)
        step = before
      }
      last = step.position
      isTaken = step.isTaken
      let address = code.instructions[step.position].address
      guard let part = code.part(of: address) else { return nil }
      return decoder.operation(in: part.bytes, at: Int(address - part.address), start: part.address)
    }

    /// The only instruction that the one at `position` is come to from.
    private func before(_ position: Int) -> (position: Int, isTaken: Bool)? {
      let address = code.instructions[position].address
      var previous: Int?
      if position > 0, code.instructions[position - 1].end == address {
        if !isStrict || code.instructions[position - 1].fallsThrough { previous = position - 1 }
      }
      guard isStrict else { return previous.map { ($0, false) } }
      // Callers come to the start.
      if address == code.parts[0].address { return nil }
      switch (previous, code.sources[address]) {
      case (let previous?, nil): return (previous, false)
      case (nil, .one(let jump)?): return (jump, true)
      default: return nil
      }
    }

    /// What last gave `register` its value.
    mutating func definition(of register: Register, _ decoder: borrowing Decoder) -> Operation? {
      while let operation = next(decoder) {
        if operation.writes.contains(register) { return operation }
      }
      return nil
    }
  }
}
