/// Why a file is no recording that can be read, in the operator's words.
package struct TraceFileError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// It cannot be opened or read.
    case unreadable
    /// Its parts do not fit together, or it is something else.
    case malformed
    /// It is of a kind that is not read.
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
