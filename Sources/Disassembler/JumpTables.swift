/// Finds where computed jumps of `switch` statements go.
///
/// A compiler compares the number with the last case's, jumps away above it, and takes the target, or its distance from
/// the table, from a table of read-only data. Only where each of these is found is the jump known; whatever differs may
/// as well be a call through a pointer that is the function's last act.
struct JumpTables {
  /// Instructions before the jump that are searched for each piece.
  private static let reach = 256
  /// The most cases of a `switch`.
  private static let limit: UInt64 = 1 << 12

  private let set: InstructionSet
  private let readData: (UInt64, Int) -> [UInt8]?

  init(_ set: InstructionSet, readData: @escaping (UInt64, Int) -> [UInt8]?) {
    self.set = set
    self.readData = readData
  }

  /// All targets of the computed jump at a position of the function's instructions; nil if they are not known.
  func targets(ofJumpAt position: Int, in code: FunctionCode, _ decoder: borrowing Decoder) -> Set<UInt64>? {
    var search = Search(code, decoder, position)
    guard let jump = search.next(decoder) else { return nil }
    switch jump.kind {
    case .jumpThrough(let table, let index):
      guard let last = bound(of: index, &search, decoder) else { return nil }
      return addresses(in: table, last)
    case .jumpTo(let register):
      return targets(inRegister: register, &search, decoder)
    default: return nil
    }
  }

  private func targets(
    inRegister register: Register, _ search: inout Search, _ decoder: borrowing Decoder
  ) -> Set<UInt64>? {
    guard let definition = search.definition(of: register, decoder) else { return nil }
    switch definition.kind {
    case .loadAddress(_, let table, let index):
      guard let last = bound(of: index, &search, decoder) else { return nil }
      return addresses(in: table, last)
    case .add(_, let other):
      // One of both is the distance, the other one the table.
      var distance = search
      for (offset, base) in [(register, other), (other, register)] {
        distance = search
        guard let load = distance.definition(of: offset, decoder), case .loadDistance(_, base, let index) = load.kind
        else { continue }
        var table = distance
        // What writes the base between the load and the addition makes another one of it.
        var between = search
        guard let origin = between.definition(of: base, decoder), case .address(_, let start) = origin.kind,
          let same = table.definition(of: base, decoder), case .address(_, start) = same.kind,
          let last = bound(of: index, &distance, decoder)
        else { return nil }
        return distances(from: start, last)
      }
      return nil
    default: return nil
    }
  }

  /// The largest value of the number that the table is entered with.
  private func bound(of index: Register, _ search: inout Search, _ decoder: borrowing Decoder) -> UInt64? {
    var number = index
    var memory: MemoryOperand?
    var condition: Operation.Condition?
    while let operation = search.next(decoder) {
      if let found = operation.condition { condition = found }
      switch operation.kind {
      case .compare(number, let limit) where memory == nil: return Self.last(limit, condition)
      case .compareMemory(let place, let limit) where place == memory: return Self.last(limit, condition)
      case .mask(number, let mask) where memory == nil && mask >= 0 && UInt64(mask) < Self.limit: return UInt64(mask)
      case .copy(number, let source) where memory == nil: number = source
      case .load(number, let place) where memory == nil: memory = place
      default:
        if memory == nil, operation.writes.contains(number) { return nil }
      }
    }
    return nil
  }

  /// The last case where `cmp $limit` is followed by that jump.
  private static func last(_ limit: Int64, _ condition: Operation.Condition?) -> UInt64? {
    guard limit >= 0, UInt64(limit) < Self.limit, let condition else { return nil }
    switch condition {
    case .above, .belowOrEqual: return UInt64(limit)
    case .aboveOrEqual, .below: return limit > 0 ? UInt64(limit) - 1 : nil
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

  /// Goes back from an instruction, in the order of addresses.
  private struct Search {
    private let code: FunctionCode
    private let part: CodePart
    private var position: Int
    private var left: Int

    init(_ code: FunctionCode, _ decoder: borrowing Decoder, _ position: Int) {
      self.code = code
      part = code.part(of: code.instructions[position].address) ?? CodePart(address: 0, bytes: [])
      self.position = position
      left = JumpTables.reach
    }

    /// What the instruction before does.
    mutating func next(_ decoder: borrowing Decoder) -> Operation? {
      guard left > 0, position >= 0, part.range.contains(code.instructions[position].address) else { return nil }
      let address = code.instructions[position].address
      position -= 1
      left -= 1
      return decoder.operation(in: part.bytes, at: Int(address - part.address), start: part.address)
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
