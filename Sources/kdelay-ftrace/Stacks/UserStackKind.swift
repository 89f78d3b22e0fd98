internal import ArgumentParser

/// How the user stacks of slow syscalls are found.
enum UserStackKind: String, ExpressibleByArgument, CaseIterable {
  /// By call frame information, over a copy of the stack.
  case dwarf
  /// By the kernel, along frame pointers.
  case framePointers = "fp"
  /// Not at all.
  case none
}

/// What is shown of slow syscalls besides their times.
struct StackOptions {
  var user: UserStackKind
  var kernel: Bool
  /// Bytes of user stack that are copied.
  var dumpSize: Int
  /// Frames of a user stack.
  var depth: Int
  /// Distinct stacks of a sample.
  var limit: Int
}
