internal import TraceModel

/// The waits of syscalls that have not ended yet, chained per thread: of the many that end soon enough, nothing remains.
struct WaitPool: ~Copyable {
  /// A thread's waits in its current syscall.
  struct Chain: BitwiseCopyable {
    var first: Int32 = -1
    var last: Int32 = -1
    /// The number of waits that there was no room for.
    var leftOut: UInt32 = 0

    var isEmpty: Bool { first < 0 && leftOut == 0 }
  }

  /// Not private: the compiler (6.3) fails on a private element type that another file has to destroy an array of.
  struct Node: BitwiseCopyable {
    var wait: SyscallWait
    var next: Int32
  }

  /// The most waits that the pool holds, 64 bytes each.
  private static let limit = 1 << 20

  private var nodes = FlatArray<Node>(capacity: 16)
  private var free: Int32 = -1
  /// The number of waits that there is room for without growing.
  var nodeCount: Int { nodes.count }

  /// Notes that the thread gives up its CPU.
  mutating func open(_ wait: SyscallWait, in chain: inout Chain) {
    let index: Int32
    if free >= 0 {
      index = free
      free = nodes[Int(index)].next
      nodes[Int(index)] = Node(wait: wait, next: -1)
    } else if nodes.count < Self.limit {
      index = Int32(nodes.append(Node(wait: wait, next: -1)))
    } else {
      return chain.leftOut &+= 1
    }
    if chain.last >= 0 { nodes[Int(chain.last)].next = index } else { chain.first = index }
    chain.last = index
  }

  /// Changes the chain's last wait, if that is still open.
  @inline(__always)
  mutating func changeOpen(_ chain: Chain, _ change: (inout SyscallWait) -> Void) {
    guard chain.last >= 0, nodes[Int(chain.last)].wait.end == 0 else { return }
    change(&nodes[Int(chain.last)].wait)
  }

  /// Hands out the waits, in order, and forgets the chain. One of which the end was not seen is cut.
  mutating func take(_ chain: inout Chain, _ body: (SyscallWait) -> Void) {
    var index = chain.first
    while index >= 0 {
      let node = nodes[Int(index)]
      var wait = node.wait
      if wait.end == 0 {
        wait.end = max(wait.start, wait.wakeup)
        wait.isCut = true
      }
      body(wait)
      index = node.next
    }
    forget(&chain)
  }

  /// Forgets all chains, of which none may be used any more.
  mutating func removeAll() {
    nodes.removeAll()
    free = -1
  }

  /// Forgets the chain.
  @inline(__always)
  mutating func forget(_ chain: inout Chain) {
    if chain.isEmpty { return }
    if chain.last >= 0 {
      nodes[Int(chain.last)].next = free
      free = chain.first
    }
    chain = Chain()
  }
}
