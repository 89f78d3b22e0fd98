package import TraceModel
package import Unwinder

/// The distinct stacks of a window's slow syscalls, and what is missing of them.
package struct WindowStacks: Sendable {
  /// Each distinct stack, innermost frame first; slow syscalls refer to them by number.
  package var places: [[StackPlace]] = []
  /// The frames of each distinct stack, with names, which are found when the window is reported; empty until then.
  package var frames: [[StackFrame]] = []
  /// The number of samples that had no room in this tool's memory.
  package var dropped: UInt64 = 0
  /// The samples that the source lost while the window was open.
  package var loss = StackSampleLoss()
  /// Whether a larger threshold for slow syscalls means that fewer samples are taken.
  package var thresholdHelps = true
  /// What the reader must know to judge the stacks; a sentence each.
  package var notes: [String] = []

  package init() {}
}
