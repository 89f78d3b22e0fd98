package import TraceModel

/// A frame as it is kept: of a module's code, or of the kernel's.
package struct StackPlace: Sendable, Hashable, BitwiseCopyable {
  /// The address in the process or the kernel: of an instruction, or that a call returns to.
  package let address: UInt64
  /// What a symbol is looked up by: where in the module's file the code lies; the address itself without a module; of the
  /// kernel an address.
  package let offset: UInt64
  package let module: ModuleID
  package let isGuessed: Bool
  /// The process, where the code is in memory without a file, which is another one in each process; else 0.
  package let process: Int32

  /// Takes a frame of a process's stack. `process`: the pid of that process.
  package init(_ frame: Frame, in process: Int32 = 0) {
    self.process = frame.module.isAnonymous ? process : 0
    address = frame.code.address
    offset = frame.offset
    module = frame.module
    isGuessed = frame.isGuessed
  }

  /// A place in the kernel.
  package init(kernel code: CodeAddress) {
    process = 0
    address = code.address
    offset = code.lookup
    module = .kernel
    isGuessed = false
  }

  /// A place in a process that nothing but a frame pointer leads to.
  package init(_ code: CodeAddress, _ mapping: Mapping?, in process: Int32 = 0) {
    address = code.address
    module = mapping?.module ?? .anonymous
    self.process = module.isAnonymous ? process : 0
    offset = mapping.map { $0.module.isAnonymous ? code.lookup : $0.offset(of: code.lookup) } ?? code.lookup
    isGuessed = true
  }
}

/// Distinct stacks, of which many share their outer frames: a tree of frames, outermost first.
///
/// A hash table of open addressing finds the nodes. Their addresses are the target's to choose, so hashes have a seed of their own in
/// each table.
package struct StackTable: ~Copyable {
  private let limit: Int
  // By the node's number. They are arrays of types that other modules know, where this table may be a part of a type: the debug
  // build of Swift 6.3 does not link to a private one.
  private var nodes = FlatArray<StackPlace>(capacity: 1024)
  /// The next outer frames; -1 for the outermost.
  private var parents = FlatArray<Int32>(capacity: 1024)
  /// The number of the stack that ends there; -1 where none does.
  private var stackNumbers = FlatArray<Int32>(capacity: 1024)
  /// The innermost frame of each stack, by the stack's number.
  private var stacks = FlatArray<Int32>(capacity: 1024)
  /// Numbers of nodes; -1 where a slot is free, as at least a quarter of them are. Their count is a power of two.
  private var slots = FlatArray<Int32>(capacity: 2048)
  private let seed = (UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max))

  /// Makes an empty table. `limit`: the most distinct stacks that are kept.
  package init(limit: Int) {
    self.limit = limit
    for _ in 0..<2048 { slots.append(-1) }
  }

  /// The number of a stack, from 0, its innermost frame first; nil if it is new and there is no room, or it is empty.
  package mutating func intern(_ places: borrowing FlatArray<StackPlace>) -> Int? {
    guard places.count > 0 else { return nil }
    var parent: Int32 = -1
    var index = places.count
    while index > 0 {
      index -= 1
      let slot = slot(of: places[index], parent)
      if slots[slot] >= 0 {
        parent = slots[slot]
        continue
      }
      guard stacks.count < limit else { return nil }
      let number = Int32(nodes.append(places[index]))
      parents.append(parent)
      stackNumbers.append(-1)
      slots[slot] = number
      parent = number
      if nodes.count * 4 > slots.count * 3 { grow() }
    }
    if stackNumbers[Int(parent)] >= 0 { return Int(stackNumbers[Int(parent)]) }
    guard stacks.count < limit else { return nil }
    stackNumbers[Int(parent)] = Int32(stacks.append(parent))
    return stacks.count - 1
  }

  /// The frames of a stack, innermost first.
  package func places(of stack: Int) -> [StackPlace] {
    var places: [StackPlace] = []
    var number = stacks[stack]
    while number >= 0 {
      places.append(nodes[Int(number)])
      number = parents[Int(number)]
    }
    return places
  }

  /// Forgets all stacks, and returns them in the order of their numbers.
  @discardableResult
  package mutating func removeAll() -> [[StackPlace]] {
    let all = (0..<stacks.count).map { places(of: $0) }
    nodes.removeAll()
    parents.removeAll()
    stackNumbers.removeAll()
    stacks.removeAll()
    for index in 0..<slots.count { slots[index] = -1 }
    return all
  }

  /// Where the number of a node is, or the free slot where it would go.
  @inline(__always)
  private func slot(of place: StackPlace, _ parent: Int32) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash(place, parent)) & mask
    while slots[slot] >= 0 {
      let number = Int(slots[slot])
      if parents[number] == parent, nodes[number] == place { break }
      slot = (slot + 1) & mask
    }
    return slot
  }

  /// The hash of a place below its parent. It takes both halves of two products: each bit of the place and of the seed counts.
  @inline(__always)
  private func hash(_ place: StackPlace, _ parent: Int32) -> UInt64 {
    func folded(_ a: UInt64, _ b: UInt64) -> UInt64 {
      let product = a.multipliedFullWidth(by: b)
      return product.high ^ product.low
    }
    let first = folded(place.address ^ seed.0, place.offset ^ seed.1)
    let rest = UInt64(UInt32(bitPattern: parent)) << 32 | UInt64(place.module.number)
    return folded(first ^ rest, 0x9E37_79B9_7F4A_7C15 ^ seed.0)
  }

  private mutating func grow() {
    let count = slots.count * 2
    slots = FlatArray<Int32>(capacity: count)
    for _ in 0..<count { slots.append(-1) }
    for number in 0..<nodes.count {
      slots[slot(of: nodes[number], parents[number])] = Int32(number)
    }
  }
}
