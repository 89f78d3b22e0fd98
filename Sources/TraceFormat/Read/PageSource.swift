internal import TraceModel

/// One ring buffer's pages, in the order in which the kernel filled them.
package struct PageStream: Sendable {
  /// What is recorded in a ring buffer, which decides what a loss of it means.
  package enum Role: Sendable {
    /// What the statistics are made of: intervals that a loss may have cut are given up.
    case data
    /// Triggers and upcalls: with one that is lost a window may be missing.
    case triggers
    /// A stop trigger that needs an instance of its own; otherwise like `triggers`.
    case stopTrigger
    /// Calls that return triggers wait for: without one a stack has a gap, but no window is missing.
    case calls
  }

  package let cpu: Int
  package let role: Role
  /// The name of the instance's buffer in a recording; empty for the one with the target's data.
  package let buffer: String
  package let decoder: PageDecoder

  package init(cpu: Int, role: Role = .data, buffer: String = "", decoder: PageDecoder) {
    self.cpu = cpu
    self.role = role
    self.buffer = buffer
    self.decoder = decoder
  }
}

/// Where ring-buffer pages come from: the rings of a running kernel, files, or the script of a test.
package protocol PageSource: ~Copyable {
  /// The streams, addressed by their position here; those of data come first. They do not change.
  var streams: [PageStream] { get }

  /// The next page of the stream at `position`, valid until the next call; nil where there is none now, as on a CPU that is
  /// offline.
  mutating func next(_ position: Int) -> UnsafeRawBufferPointer?

  /// The number of events that the stream at `position` has lost so far, by the kernel's count; nil where nothing tells.
  func overrun(_ position: Int) -> UInt64?
}
