/// How the user stacks of slow syscalls are found.
package enum UserStackKind: String, CaseIterable, Sendable {
  /// User stacks are found by call frame information, over a copy of the stack.
  case dwarf
  /// The kernel finds user stacks, along frame pointers.
  case framePointers = "fp"
  /// User stacks are not found at all.
  case none
}

/// Which stacks slow syscalls get.
package struct StackSettings: Sendable {
  package var user: UserStackKind
  package var kernel: Bool
  /// The number of bytes that are copied of a user stack.
  package var dumpSize: Int
  /// The most frames of a user stack.
  package var depth: Int
  /// The most distinct stacks of a window.
  package var limit: Int

  package init(user: UserStackKind, kernel: Bool, dumpSize: Int, depth: Int, limit: Int) {
    self.user = user
    self.kernel = kernel
    self.dumpSize = dumpSize
    self.depth = depth
    self.limit = limit
  }

  /// The most frames of a user stack that perf follows along frame pointers: the kernel's own limit
  /// (`kernel.perf_event_max_stack`).
  package static let mostCallchainFrames = 127

  /// The number of bytes that a sample holds of the user stack: a copy of its bytes, or the addresses that the kernel found along
  /// frame pointers; 0 where there is no user stack.
  package var sampledBytes: Int {
    user == .dwarf ? dumpSize : user == .framePointers ? Self.mostCallchainFrames * 8 : 0
  }
}
