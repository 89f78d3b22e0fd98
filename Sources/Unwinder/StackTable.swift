package import TraceModel

/// A frame as it is kept: of a module's code, or of the kernel's.
package struct StackPlace: Sendable, Hashable, BitwiseCopyable {
  /// In the process or the kernel: of an instruction, or that a call returns to.
  package let address: UInt64
  /// What a symbol is looked up by: where in the module's file the code lies; the address itself without a module; of the
  /// kernel an address.
  package let offset: UInt64
  package let module: ModuleID
  package let isGuessed: Bool
  /// The process, where the code is in memory without a file, which is another one in each process; else 0.
  package let process: Int32

  /// `process`: the pid of the one whose stack it is.
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
package struct StackTable: ~Copyable {
  struct Node: Hashable {
    /// The next outer frame; -1 for the outermost.
    let parent: Int32
    let place: StackPlace
  }

  private let limit: Int
  private var nodes: [Node] = []
  private var numbersOfNodes: [Node: Int32] = [:]
  /// The innermost frame of each stack, by the stack's number.
  private var stacks: [Int32] = []
  private var numbersOfStacks: [Int32: Int] = [:]

  /// `limit`: most distinct stacks that are kept.
  package init(limit: Int) { self.limit = limit }

  /// The number of a stack, from 0, its innermost frame first; nil if it is new and there is no room, or it is empty.
  package mutating func intern(_ places: borrowing FlatArray<StackPlace>) -> Int? {
    guard places.count > 0 else { return nil }
    var parent: Int32 = -1
    var index = places.count
    while index > 0 {
      index -= 1
      let node = Node(parent: parent, place: places[index])
      if let known = numbersOfNodes[node] {
        parent = known
        continue
      }
      guard stacks.count < limit else { return nil }
      parent = Int32(nodes.count)
      nodes.append(node)
      numbersOfNodes[node] = parent
    }
    if let known = numbersOfStacks[parent] { return known }
    guard stacks.count < limit else { return nil }
    numbersOfStacks[parent] = stacks.count
    stacks.append(parent)
    return stacks.count - 1
  }

  /// The frames of a stack, innermost first.
  package func places(of stack: Int) -> [StackPlace] {
    var places: [StackPlace] = []
    var number = stacks[stack]
    while number >= 0 {
      places.append(nodes[Int(number)].place)
      number = nodes[Int(number)].parent
    }
    return places
  }

  /// Forgets all of them, and returns them in the order of their numbers.
  @discardableResult
  package mutating func removeAll() -> [[StackPlace]] {
    let all = stacks.indices.map { places(of: $0) }
    nodes.removeAll(keepingCapacity: true)
    numbersOfNodes.removeAll(keepingCapacity: true)
    stacks.removeAll(keepingCapacity: true)
    numbersOfStacks.removeAll(keepingCapacity: true)
    return all
  }
}
