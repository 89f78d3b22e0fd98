package import TraceModel

/// An interval that was as long as a condition asks for.
package struct Occurrence: Sendable, Equatable {
  /// The condition, as the operator wrote it.
  package var condition: String
  /// The thread whose interval it was; 0 for a window of triggers.
  package var tid: Int32
  package var pid: Int32
  package var name: NameID
  /// When the interval began, ns. It may be before the window, where an earlier window has that part.
  package var start: UInt64
  package var end: UInt64
  /// Whether the interval has ended; if not, `end` is the end of the capture.
  package var hasEnded = true

  package init(
    condition: String, pid: Int32, tid: Int32, name: NameID, start: UInt64, end: UInt64, hasEnded: Bool = true
  ) {
    self.condition = condition
    self.pid = pid
    self.tid = tid
    self.name = name
    self.start = start
    self.end = end
    self.hasEnded = hasEnded
  }
}
