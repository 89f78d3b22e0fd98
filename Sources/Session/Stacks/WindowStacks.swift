package import TraceModel
package import Unwinder

/// The distinct stacks of a window's slow syscalls, and what is missing of them.
package struct WindowStacks: Sendable {
  /// Each distinct stack, innermost frame first; slow syscalls refer to them by number.
  package var places: [[StackPlace]] = []
  /// The same stacks with names, which are found when the window is reported; empty until then.
  package var frames: [[StackFrame]] = []
  /// Samples that had no room here.
  package var dropped: UInt64 = 0
  /// Samples that the source lost while the window was open.
  package var loss = StackSampleLoss()
  /// Whether a larger threshold for slow syscalls means that fewer samples are taken.
  package var thresholdHelps = true
  /// What the reader must know to judge the stacks; a sentence each.
  package var notes: [String] = []

  package init() {}
}
