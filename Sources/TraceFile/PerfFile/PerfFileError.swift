/// Why a file is no recording that can be read, in the operator's words.
package struct PerfFileError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// It cannot be opened or read.
    case unreadable
    /// Not a perf.data file, or one whose parts do not fit together.
    case malformed
    /// A perf.data file of a kind that is not read.
    case unsupported
  }

  package let code: Code
  package let path: String
  /// What is the matter with it.
  package let reason: String

  init(_ code: Code, _ path: String, _ reason: String) {
    self.code = code
    self.path = path
    self.reason = reason
  }

  package var description: String { "\(path): \(reason)" }
}
