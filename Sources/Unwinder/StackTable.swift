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

  package init(_ frame: Frame) {
    address = frame.code.address
    offset = frame.offset
    module = frame.module
    isGuessed = frame.isGuessed
  }

  /// A place in the kernel.
  package init(kernel code: CodeAddress) {
    address = code.address
    offset = code.lookup
    module = .kernel
    isGuessed = false
  }

  /// A place in a process that nothing but a frame pointer leads to.
  package init(_ code: CodeAddress, _ mapping: Mapping?) {
    address = code.address
    module = mapping?.module ?? .anonymous
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
  private var numbers: [Node: Int32] = [:]
  private var stacks: Set<Int32> = []

  /// `limit`: most distinct stacks that are kept.
  package init(limit: Int) { self.limit = limit }

  /// The number of a stack, innermost frame first; nil if it is new and there is no room, or it is empty.
  package mutating func intern(_ places: borrowing FlatArray<StackPlace>) -> Int32? {
    guard places.count > 0 else { return nil }
    var parent: Int32 = -1
    var index = places.count
    while index > 0 {
      index -= 1
      let node = Node(parent: parent, place: places[index])
      if let known = numbers[node] {
        parent = known
        continue
      }
      guard stacks.count < limit else { return nil }
      parent = Int32(nodes.count)
      nodes.append(node)
      numbers[node] = parent
    }
    if stacks.contains(parent) { return parent }
    guard stacks.count < limit else { return nil }
    stacks.insert(parent)
    return parent
  }

  /// The frames of a stack, innermost first.
  package func places(of stack: Int32) -> [StackPlace] {
    var places: [StackPlace] = []
    var number = stack
    while number >= 0 {
      places.append(nodes[Int(number)].place)
      number = nodes[Int(number)].parent
    }
    return places
  }

  /// Forgets all of them.
  package mutating func removeAll() {
    nodes.removeAll(keepingCapacity: true)
    numbers.removeAll(keepingCapacity: true)
    stacks.removeAll(keepingCapacity: true)
  }
}
