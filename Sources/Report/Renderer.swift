package import Session
package import TraceModel

/// A report format.
///
/// A renderer gets the header, one result after another, and the end, and writes bytes. It reads no clock and no file: what a
/// report says comes with the header and the results alone.
package protocol Renderer: Sendable {
  /// Writes what comes before the first window.
  mutating func begin(_ header: ReportHeader, _ output: inout ByteOutput)
  /// Writes the report of one window.
  mutating func window(_ result: WindowResult, _ output: inout ByteOutput)
  /// Writes what is said of a window that is too short to be reported.
  mutating func skipped(_ result: WindowResult, _ output: inout ByteOutput)
  /// Writes what comes after the last window.
  mutating func finish(_ output: inout ByteOutput)
}

extension Renderer {
  package mutating func begin(_ header: ReportHeader, _ output: inout ByteOutput) {}
  package mutating func skipped(_ result: WindowResult, _ output: inout ByteOutput) {}
  package mutating func finish(_ output: inout ByteOutput) {}

  /// The text of one window's report.
  package func text(of result: WindowResult) -> String { String(decoding: bytes(of: result), as: UTF8.self) }

  /// One window's report by itself.
  package func bytes(of result: WindowResult) -> [UInt8] {
    var renderer = self
    return ByteOutput.bytes { renderer.window(result, &$0) }
  }
}

/// What is known before the first window.
package struct ReportHeader: Sendable, Equatable {
  /// The processes that are watched from the start, the first one first.
  package var targets: [NamedProcess]
  /// The clocks when the capture began; nil where nothing relates the kernel's clock to one on the wall.
  package var clock: ClockPair?

  package init(targets: [NamedProcess], clock: ClockPair?) {
    self.targets = targets
    self.clock = clock
  }
}
